// Schemas from outside: a descriptor set is read, and payloads by it; whatever a schema says of
// itself gives that schema again.
//
//   first piece: a FileDescriptorSet; tag bit 0: alone     other pieces: payloads of its types, as
//   bytes (tag even) or JSON (tag odd)
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/schema/intent.h"
#include "eventlog/schema/json.h"
#include "eventlog/schema/schema.h"
#include "eventlog/schema/schema_maker.h"
#include "tests/fuzz/fuzz_target.h"

namespace intentlog::fuzz {
namespace {

constexpr uint8_t kAlone = 1;
constexpr uint8_t kJson = 1;

void UseBytes(const EventType& type, const std::string& bytes) {
  for (uint32_t version = 1; version <= type.schema_version() && version < 4; ++version) {
    const auto payload = type.NewPayload();
    if (type.Read(version, bytes, *payload)) continue;
    (void)type.EntityId(*payload);
    (void)type.IsAbout(*payload, "7");
    (void)PayloadToJson(*payload);
  }
}

void UseJson(const EventType& type, const std::string& text) {
  const auto payload = PayloadFromJson(type, text);
  if (payload.ok()) (void)type.Validate(**payload);
}

void UseSchema(const Schema& schema) {
  for (const auto& [name, type] : schema.types()) {
    for (const auto& [other_name, other] : schema.types()) {
      if (schema.RuleFor(type, other) != schema.RuleFor(other, type))
        Fail("rules of a pair differ");
    }
    for (const ClashField& field : type.clash_fields()) {
      if (type.ClashFieldOf(field.number) == nullptr) Fail("a field is not found by its number");
    }
  }
}

absl::StatusOr<std::shared_ptr<const Schema>> Read(std::string_view bytes, bool alone) {
  return alone ? Schema::FromDescriptorSetAlone(bytes) : Schema::FromDescriptorSet(bytes);
}

}  // namespace

const bool kMessages = true;

void Run(const Pieces& pieces) {
  if (pieces.empty()) return;
  const Piece& set = pieces.front();
  const bool alone = (set.tag & kAlone) != 0;
  std::shared_ptr<const Schema> schema;
  Hostile(set.bytes.size(), [&] {
    auto read = Read(set.bytes, alone);
    if (!read.ok()) return;
    schema = *std::move(read);
    UseSchema(*schema);
  });
  if (schema == nullptr) return;
  for (size_t i = 1; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    Hostile(set.bytes.size() + piece.bytes.size(), [&] {
      for (const auto& [name, type] : schema->types()) {
        if ((piece.tag & kJson) == 0) UseBytes(type, piece.bytes);
        if ((piece.tag & kJson) != 0) UseJson(type, piece.bytes);
      }
    });
  }
  const auto again = Read(schema->DescriptorSet(), alone);
  if (!again.ok() || (*again)->digest() != schema->digest()) {
    Fail("a schema does not give itself again");
  }
}

std::vector<Seed> Seeds() {
  SchemaMaker forms("forms.proto", "forms");
  forms.Enum("Grade", {"NONE", "GOOD", "BAD"});
  forms.Message("Answer",
                {{"text", 1, "string", "max_len: 9"}, {"grade", 2, "enum .forms.Grade", ""}});
  forms.Event("FormOpened", R"(entity: "form" key: "form_id" concurrent: REVIEW)",
              {{"form_id", 1, "string", "required: true max_len: 40"},
               {"answers", 2, "repeated .forms.Answer", "max_len: 3"},
               {"score", 3, "optional sint64", "min: 0 max: 100"}});
  forms.Event("FormClosed",
              R"(entity: "form" key: "form_id" concurrent: FIELDWISE
                 duplicate_key { fields: "note" outcome: REVIEW } clock: DEVICE max_skew_ms: 5000)",
              {{"form_id", 1, "string", ""},
               {"note", 2, "string", "on_clash: FIRST_WRITER_WINS"},
               {"when", 3, "sint64", "volatile: true"}});
  const std::string opened(
      "\x0a\x02"
      "f1\x12\x06\x0a\x02"
      "ok\x10\x01\x18\x0a");
  const std::string json = R"({"form_id": "f1", "answers": [{"text": "ok", "grade": "GOOD"}]})";
  const auto sound = Schema::FromDescriptorSet(forms.Bytes());
  if (!sound.ok()) Fail(sound.status().ToString());
  SchemaMaker bad("bad.proto", "bad");
  bad.Event("Odd", R"(entity: "odd" key: "none")", {{"id", 1, "double", "required: true"}});
  return {{"forms", {{0, forms.Bytes()}, {0, opened}, {1, json}}},
          {"alone", {{1, forms.Bytes()}, {0, opened}}},
          {"contradiction", {{0, bad.Bytes()}}}};
}

}  // namespace intentlog::fuzz
