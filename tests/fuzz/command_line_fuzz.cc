// What people and programs write behind a command: moments, entities, ids, numbers, payloads, and
// the tokens by which a page goes on.
//
//   tag % 8: which of them, as in Use
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/log/coding.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "eventlog/schema/json.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/row_page.h"
#include "proto/commerce.pb.h"
#include "proto/store.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tools/commands/source_as_of.h"
#include "tools/import/decimal.h"
#include "xxhash.h"

namespace intentlog::fuzz {
namespace {

enum Kind : uint8_t { kMoment, kEntity, kId, kWhole, kMicros, kTime, kToken, kJson, kKinds };

const Schema& ShopSchema() {
  static const auto* const schema = new std::shared_ptr<const Schema>(
      Schema::Compiled({commerce::OrderOpened::descriptor()->file()}));
  return **schema;
}

void UseMoment(std::string_view text) {
  const auto moment = ParseMoment(text);
  if (!moment.ok()) return;
  const std::string again = absl::FormatTime(absl::FromUnixMicros(*moment), absl::UTCTimeZone());
  const auto parsed = ParseMoment(again);
  // Whole seconds at least, where the year has four digits.
  if (parsed.ok() && *parsed / 1'000'000 != *moment / 1'000'000) Fail("a moment is another one");
}

void UseEntity(std::string_view text) {
  (void)ValidScope(text);
  (void)ValidTenant(text);
  (void)Quoted(text);
  const auto entity = ParseEntity(text);
  if (entity.ok() && ToText(*entity) != text) Fail("an entity is another one");
}

void UseId(std::string_view text) {
  const auto id = ParseIntentId(text);
  if (!id.ok()) return;
  const auto again = ParseIntentId(ToText(*id));
  if (!again.ok() || *again != *id) Fail("an id is another one");
}

void UseNumbers(Kind kind, std::string_view text) {
  const auto number = kind == kWhole    ? ParseWhole(text)
                      : kind == kMicros ? ParseMicros(text)
                                        : ParseTimeMicros(text);
  if (!number.ok()) return;
  (void)RevenueMills(*number, *number);
  if (kind != kWhole) return;
  const auto again = ParseWhole(std::to_string(*number));
  if (!again.ok() || *again != *number) Fail("a number is another one");
}

// No rows: what is looked at is the token, behind its form and hash.
void UseToken(std::string_view body) {
  std::string token(1, '\x01');
  AppendBig64(token, XXH3_64bits(body.data(), body.size()));
  token += body;
  const auto scan = [](const RowRange&, const RowPlace*) {
    return absl::StatusOr<std::unique_ptr<RowCursor>>(Unavailable("no rows"));
  };
  (void)ReadPage({"stock", 1, 7, Position(9), scan}, {RowRange(), token});
}

// The first byte chooses the type.
void UseJson(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto& types = ShopSchema().types();
  const auto at = static_cast<unsigned char>(bytes[0]) % types.size();
  const EventType& type = std::next(types.begin(), static_cast<ptrdiff_t>(at))->second;
  const auto payload = PayloadFromJson(type, bytes.substr(1));
  if (!payload.ok()) return;
  (void)type.Validate(**payload);
  const auto json = PayloadToJson(**payload);
  if (!json.ok()) return;
  const auto again = PayloadFromJson(type, *json);
  if (!again.ok() || (*again)->SerializeAsString() != (*payload)->SerializeAsString()) {
    Fail("a payload is another one");
  }
}

void Use(Kind kind, const std::string& text) {
  switch (kind) {
    case kMoment:
      return UseMoment(text);
    case kEntity:
      return UseEntity(text);
    case kId:
      return UseId(text);
    case kToken:
      return UseToken(text);
    case kJson:
      return UseJson(text);
    default:
      return UseNumbers(kind, text);
  }
}

}  // namespace

const bool kMessages = false;

void Run(const Pieces& pieces) {
  (void)ShopSchema();
  for (const Piece& piece : pieces) {
    Hostile(piece.bytes.size(), [&] { Use(static_cast<Kind>(piece.tag % kKinds), piece.bytes); });
  }
}

std::vector<Seed> Seeds() {
  ScanToken token;
  token.set_view("stock");
  token.set_version(1);
  token.set_build(7);
  token.set_key("milk");
  const auto& types = ShopSchema().types();
  const auto moved = std::distance(types.begin(), types.find("intentlog.commerce.StockMoved"));
  const std::string type(1, static_cast<char>(moved));
  return {{"moments", {{kMoment, "2026-03-01T10:00:00.5+01:00"}, {kMoment, "1767225600000"}}},
          {"names", {{kEntity, "stock/milk/2"}, {kId, "01a2137d-e7bd-763b-be19-c5e37daf56bc"}}},
          {"numbers", {{kWhole, "-12"}, {kMicros, "2.55"}, {kTime, "2010-12-01 08:26:00"}}},
          {"token", {{kToken, token.SerializeAsString()}}},
          {"payload", {{kJson, type + R"({"productId": "milk", "delta": "-2"})"}}}};
}

}  // namespace intentlog::fuzz
