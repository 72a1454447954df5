#include "tools/commands/event_text.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "proto/event.pb.h"
#include "tools/commands/intent_json.h"
#include "tools/commands/status_json.h"
#include "tools/commands/table.h"

namespace intentlog {
namespace {

// What both forms show. A header of a pending intent is empty.
struct Parts {
  bool sound = false;
  Header header;
  Intent intent;
  std::string type;
  Json payload;
};

Parts Decode(const EventRef& event, const Schema& schema) {
  Parts parts;
  parts.sound =
      parts.header.ParseFromArray(event.header.data(), static_cast<int>(event.header.size())) &&
      parts.intent.ParseFromArray(event.intent.data(), static_cast<int>(event.intent.size()));
  Settlement settlement;
  if (parts.header.settlement_of() != 0 && settlement.ParseFromString(parts.intent.payload())) {
    parts.type = Cat("settles ", settlement.of(), ": ", settlement.type());
    parts.payload =
        PayloadJson(schema, settlement.type(), settlement.payload(), settlement.schema_version());
  } else {
    parts.type = parts.intent.type();
    parts.payload = IntentPayloadJson(parts.intent, schema);
  }
  return parts;
}

bool IsPending(const EventRef& event) { return event.position.value() == 0; }

int64_t TimeOf(const EventRef& event, const Parts& parts) {
  return IsPending(event) ? parts.intent.device_time_us() : parts.header.server_time_us();
}

}  // namespace

std::string EventLine(const EventRef& event, const Schema& schema, size_t columns) {
  const Parts parts = Decode(event, schema);
  if (!parts.sound) return Cat(event.position, "  does not parse");
  const bool pending = IsPending(event);
  const Intent& intent = parts.intent;
  const std::string entity =
      intent.entity_type().empty() ? "-" : Cat(intent.entity_type(), "/", intent.entity_id());
  std::string line = absl::StrFormat(
      "%8s  %s  %-8s  %6s  %-10s  %s  %s  %s",
      pending ? "-" : std::to_string(event.position.value()), TimeText(TimeOf(event, parts)),
      pending ? "-" : Hex(parts.header.log_id()).substr(0, 8),
      pending ? "-" : std::to_string(parts.header.count()), DecisionWord(parts.header.decision()),
      entity, parts.type.substr(parts.type.rfind('.') + 1), ToText(parts.payload));
  if (parts.header.reason().code() != Reason::CODE_UNSPECIFIED) {
    line += Cat("  (", parts.header.reason().text(), ")");
  }
  return Shorten(line, columns == 0 ? SIZE_MAX : columns);
}

Json EventJson(const EventRef& event, const Schema& schema) {
  const Parts parts = Decode(event, schema);
  const Header& header = parts.header;
  Json json;
  json["position"] = event.position.value();
  if (!parts.sound) {
    json["error"] = "does not parse";
    return json;
  }
  json["time"] = TimeText(TimeOf(event, parts));
  json["time_us"] = TimeOf(event, parts);
  json["scope"] = parts.intent.scope();
  json["log_id"] = IsPending(event) ? "" : UuidText(header.log_id());
  json["count"] = header.count();
  json["intent_id"] = UuidText(parts.intent.intent_id());
  json["decision"] = DecisionWord(header.decision());
  json["version"] = header.version();
  json["entity"] = Cat(parts.intent.entity_type(), "/", parts.intent.entity_id());
  json["type"] = parts.type;
  json["payload"] = parts.payload;
  if (header.reason().code() != Reason::CODE_UNSPECIFIED) {
    json["reason"] = ReasonJson(header.reason());
  }
  if (header.behind() != 0) json["behind"] = header.behind();
  if (header.duplicate_of() != 0) json["duplicate_of"] = header.duplicate_of();
  if (header.settlement_of() != 0) json["settlement_of"] = header.settlement_of();
  return json;
}

}  // namespace intentlog
