// Intents against Admit, one after another about one entity, as the sequencer asks it; and what
// people say of open events.
//
//   tag bits 0 to 1:  0, 1: an intent   2: an intent that ends a batch of those before it
//                     3: the OpenEvent that Resolve, Amend and Dismiss are about
//   tag bits 2 to 7:  what the server thinks of the device's clock and base
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "eventlog/log/decision.h"
#include "eventlog/schema/intent.h"
#include "eventlog/schema/schema.h"
#include "eventlog/schema/schema_maker.h"
#include "proto/commerce.pb.h"
#include "server/admit/admit.h"
#include "server/admit/batch.h"
#include "server/admit/content.h"
#include "server/admit/settle.h"
#include "server/admit/summary.h"
#include "tests/fuzz/fuzz_target.h"

namespace intentlog::fuzz {
namespace {

constexpr uint8_t kRole = 3;
constexpr uint8_t kEndsBatch = 2;
constexpr uint8_t kOpen = 3;
constexpr uint8_t kOtherLog = 4;
constexpr uint8_t kClockKnown = 8;
constexpr uint8_t kClockOff = 16;
constexpr uint8_t kBaseAhead = 32;
constexpr uint8_t kBaseOld = 64;
constexpr uint8_t kOperator = 128;
constexpr size_t kMembersMax = 64;

// Types with every rule there is, one with former fields, beside the shop's.
SchemaMaker Notes() {
  SchemaMaker maker("notes.proto", "notes");
  maker.Event("Merged", R"(entity: "note" key: "id" concurrent: FIELDWISE clock: DEVICE
                           max_skew_ms: 5000)",
              {{"id", 1, "string", "max_len: 9"},
               {"a", 2, "optional sint64", "on_clash: FIRST_WRITER_WINS min: -5"},
               {"b", 3, "repeated string", "on_clash: REVIEW max_len: 3"},
               {"c", 4, "string", ""}});
  maker.Event(
      "Same", R"(entity: "note" key: "id" concurrent: SAME_IS_DUPLICATE clock: DEVICE
                         max_skew_ms: 5000 duplicate_key { fields: "c" period_ms: 1000
                         outcome: SAME_IS_DUPLICATE } )",
      {{"id", 1, "string", ""}, {"c", 2, "string", ""}, {"when", 3, "sint64", "volatile: true"}});
  maker.Event("Last", R"(entity: "note" key: "id" concurrent: LAST_WRITER_WINS clock: DEVICE
                         max_skew_ms: 5000)",
              {{"id", 1, "string", ""}, {"c", 2, "string", "required: true"}});
  maker.Event("First", R"(entity: "note" key: "id" concurrent: FIRST_WRITER_WINS)",
              {{"id", 1, "string", ""}});
  maker.Event("Review", R"(entity: "note" key: "id" concurrent: REVIEW)",
              {{"id", 1, "string", ""}});
  maker.Event("Adds", R"(entity: "note" key: "id" concurrent: COMMUTES)",
              {{"id", 1, "string", ""}});
  return maker;
}

const Schema& NoteSchema() {
  static const auto* const schema = [] {
    auto read = Schema::FromDescriptorSet(Notes().Bytes());
    if (!read.ok()) Fail(read.status().ToString());
    return new std::shared_ptr<const Schema>(*std::move(read));
  }();
  return **schema;
}

struct Candidate {
  Intent intent;
  std::unique_ptr<google::protobuf::Message> payload;
  const EventType* type = nullptr;
  std::optional<Violation> unreadable;
  AdmitInput input;
  Verdict verdict;
};

class Lane {
 public:
  void SetOpen(const std::string& bytes) {
    if (!open_.ParseFromString(bytes) || !open_intent_.ParseFromString(open_.intent())) return;
    has_open_ = true;
  }

  void Take(const Piece& piece) {
    Candidate& one = batch_.emplace_back();
    const bool parses = one.intent.ParseFromString(piece.bytes);
    if (parses && IsControlType(one.intent.type())) {
      Ask(one.intent, piece.tag);
      return batch_.pop_back();
    }
    Fill(one, piece.tag, parses);
    if (HasLane(one.intent) && summary_.scope().empty()) summary_.set_scope(one.intent.scope());
    one.input.entity = &summary_;
    one.verdict = Admit(one.input);
    if ((piece.tag & kRole) == kEndsBatch || batch_.size() == kMembersMax) End();
  }

  void End() {
    if (batch_.empty()) return;
    std::vector<Verdict> verdicts;
    for (Candidate& one : batch_) verdicts.push_back(std::move(one.verdict));
    DecideAsOne(absl::MakeSpan(verdicts));
    for (size_t i = 0; i < batch_.size(); ++i) Add(batch_[i], verdicts[i]);
    batch_.clear();
  }

 private:
  void Fill(Candidate& one, uint8_t tag, bool parses) const {
    AdmitInput& input = one.input;
    input.schema = &NoteSchema();
    input.own_logs = absl::MakeSpan(logs_).subspan((tag & kOtherLog) == 0 ? 0 : 1, 1);
    input.clock.known = (tag & kClockKnown) != 0;
    input.clock.server_now_us = 1'000'000'000;
    input.clock.skew_after_us = (tag & kClockOff) != 0 ? INT64_MAX : 0;
    input.clock.skew_before_us = (tag & kClockOff) != 0 ? INT64_MIN : 0;
    input.base_ahead = (tag & kBaseAhead) != 0;
    input.base = (tag & kBaseOld) != 0 ? Position() : position_;
    if (!parses) return;
    input.intent = &one.intent;
    one.type = NoteSchema().Find(one.intent.type());
    if (one.type == nullptr || one.type->name() != one.intent.type()) return;
    input.type = one.type;
    one.payload = one.type->NewPayload();
    if (!one.type->IsFormer(one.intent.schema_version())) {
      if (one.payload->ParseFromString(one.intent.payload())) input.payload = one.payload.get();
    } else if (auto why = one.type->Read(one.intent.schema_version(), one.intent.payload(),
                                         *one.payload)) {
      one.unreadable = std::move(why);
      input.unreadable = &*one.unreadable;
    } else {
      input.payload = one.payload.get();
    }
    if (input.payload == nullptr) return;
    const auto key = DuplicateKeyHash(*one.type, *one.payload);
    if (key && key == first_key_) input.first_with_key = &first_;
  }

  void Add(const Candidate& one, const Verdict& verdict) {
    if (verdict.decision == DECISION_UNSPECIFIED) Fail("nothing was decided");
    position_ = position_.Next();
    if (!HasLane(one.intent)) return;
    Footprint footprint;
    if (one.input.payload != nullptr) {
      footprint = FootprintOf(*one.type, *one.payload, one.intent, one.input.clock);
    } else if (IsEffective(verdict.decision)) {
      Fail("what cannot be read took effect");
    }
    if (const size_t size = summary_.ByteSizeLong(); size > kSummaryBytesMax) {
      Fail("a summary grew to " + std::to_string(size) + " bytes");
    }
    AddToSummary(one.intent, verdict, footprint, one.input.own_logs[0].id, position_, summary_);
    if (one.input.payload == nullptr || !IsEffective(verdict.decision)) return;
    first_key_ = DuplicateKeyHash(*one.type, *one.payload);
    first_.set_position(position_.value());
    first_.set_decision(verdict.decision);
    first_.set_content(ContentHash(*one.type, *one.payload));
  }

  void Ask(const Intent& intent, uint8_t tag) {
    const auto parsed = ParseControl(intent);
    if (!std::holds_alternative<Control>(parsed)) return;
    const Control& control = std::get<Control>(parsed);
    ControlFacts facts;
    facts.intent = &intent;
    facts.own_logs = absl::MakeSpan(logs_).subspan(0, 1);
    facts.by_operator = (tag & kOperator) != 0;
    facts.base_ahead = (tag & kBaseAhead) != 0;
    if (has_open_) {
      facts.open = &open_;
      facts.open_intent = &open_intent_;
    }
    if (CheckControl(control, facts) || !has_open_) return;
    Candidate original;
    original.intent = open_intent_;
    Fill(original, tag, true);
    original.verdict = Admit(original.input);
    Candidate asked;
    asked.intent = Replaced(open_intent_, control, intent);
    Fill(asked, tag, true);
    asked.verdict = Admit(asked.input);
    (void)SettledAs(control, original.verdict, asked.verdict);
  }

  // Far above what its bounds (summary.h) let it be: an id, 300 names, and what each remembers.
  static constexpr size_t kSummaryBytesMax = 64 << 10;

  const std::vector<OwnLog> logs_ = {LogId::FromBytes(std::string(16, 'a')),
                                     LogId::FromBytes(std::string(16, 'b'))};
  EntitySummary summary_;
  Position position_{1};
  std::vector<Candidate> batch_;
  std::optional<uint64_t> first_key_;
  FirstWithKey first_;
  OpenEvent open_;
  Intent open_intent_;
  bool has_open_ = false;
};

Intent NoteIntent(const std::string& type, const std::string& payload) {
  Intent intent;
  intent.set_intent_id(std::string(16, 'i'));
  intent.set_type("notes." + type);
  intent.set_entity_type("note");
  intent.set_entity_id("n");
  intent.set_scope("shop");
  intent.set_device_time_us(999'000'000);
  intent.set_payload(payload);
  return intent;
}

Piece ControlPiece(const google::protobuf::Message& control) {
  Intent intent = NoteIntent("", control.SerializeAsString());
  intent.set_type(control.GetDescriptor()->full_name());
  return {kOperator, intent.SerializeAsString()};
}

Piece OpenPiece() {
  OpenEvent open;
  open.set_position(5);
  open.set_decision(CONFLICTED);
  open.set_log_id(std::string(16, 'a'));
  open.set_intent(NoteIntent("Review", "\x0a\x01n").SerializeAsString());
  return {kOpen, open.SerializeAsString()};
}

}  // namespace

const bool kMessages = true;

void Run(const Pieces& pieces) {
  (void)NoteSchema();
  size_t bytes = 0;
  for (const Piece& piece : pieces) bytes += piece.bytes.size();
  Hostile(bytes, [&] {
    Lane lane;
    for (const Piece& piece : pieces) {
      if ((piece.tag & kRole) == kOpen) {
        lane.SetOpen(piece.bytes);
      } else {
        lane.Take(piece);
      }
    }
    lane.End();
  });
}

std::vector<Seed> Seeds() {
  const auto piece = [](uint8_t tag, const std::string& type, const std::string& payload) {
    return Piece{tag, NoteIntent(type, payload).SerializeAsString()};
  };
  const std::string id = "\x0a\x01n";
  Resolve resolve;
  resolve.set_of(5);
  resolve.set_verdict(Resolve::REPLACE);
  resolve.set_replacement_type("notes.Merged");
  resolve.set_replacement(id);
  Amend amend;
  amend.set_of(5);
  amend.set_replacement_type("notes.Review");
  amend.set_replacement(id);
  Dismiss dismiss;
  dismiss.set_of(5);
  Pieces rules;
  for (const char* type : {"Merged", "Same", "Last", "First", "Review", "Adds"}) {
    rules.push_back(piece(kEndsBatch | kClockKnown, type, id + "\x12\x01z"));
    rules.push_back(piece(kEndsBatch | kClockKnown | kOtherLog | kBaseOld, type, id + "\x12\x01z"));
  }
  return {
      {"rules", rules},
      {"fields",
       {piece(kEndsBatch | kClockKnown, "Merged", id + "\x10\x04\x1a\x01x\x22\x01y"),
        piece(kEndsBatch | kOtherLog | kBaseOld, "Merged", id + "\x10\x06")}},
      {"batch",
       {piece(0, "Adds", id), piece(0, "Same", id + "\x12\x01z"),
        piece(kEndsBatch, "Last", id + "\x12\x01z")}},
      {"people", {OpenPiece(), ControlPiece(resolve), ControlPiece(amend), ControlPiece(dismiss)}}};
}

}  // namespace intentlog::fuzz
