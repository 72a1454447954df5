#include "tools/commands/fleet_text.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/device_health.h"
#include "tools/commands/status_json.h"
#include "tools/commands/table.h"

namespace intentlog {
namespace {

constexpr size_t kValueColumns = 28;

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Json ReasonObject(const Reason& reason) {
  Json json = Json::object();
  if (reason.code() != Reason::CODE_UNSPECIFIED)
    json["code"] = Lower(Reason::Code_Name(reason.code()));
  if (!reason.field().empty()) json["field"] = Text(reason.field());
  if (reason.rule() != RULE_UNSPECIFIED) json["rule"] = Lower(Rule_Name(reason.rule()));
  if (!reason.fields().empty()) {
    json["fields"] = Json::array();
    for (const std::string& field : reason.fields()) json["fields"].push_back(Text(field));
  }
  if (reason.other_position() != 0) json["other_position"] = reason.other_position();
  json["text"] = Text(reason.text());
  return json;
}

Json EventObject(const ConflictEvent& event, const Schema& schema) {
  return {{"position", event.position()},
          {"type", Text(event.type())},
          {"time", TimeText(event.server_time_us())},
          {"payload", PayloadJson(schema, event.type(), event.payload())}};
}

std::string ValueOf(const Json& payload, const std::string& field) {
  const auto found = payload.find(field);
  if (found == payload.end()) return "-";
  return Shorten(found->is_string() ? found->get<std::string>() : ToText(*found), kValueColumns);
}

std::string Padded(const std::string& text, size_t width) {
  const size_t wide = Width(text);
  return text + std::string(wide < width ? width - wide : 0, ' ');
}

// Rows of cells, each column as wide as its widest.
std::string Columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = "   ";
    for (size_t i = 0; i < row.size(); ++i) line += Cat(" ", Padded(row[i], widths[i]), " ");
    line.erase(line.find_last_not_of(' ') + 1);
    text += Cat(line, "\n");
  }
  return text;
}

std::string Heading(const char* side, const ConflictEvent& event) {
  return event.position() == 0 ? std::string(side) : Cat(side, " (", event.position(), ")");
}

// Each field of the three payloads in a row; "*" marks those in question.
std::string SideBySide(const FleetConflict& conflict, const Intent& mine, const Schema& schema) {
  const Json sides[] = {
      PayloadJson(schema, mine.type(), mine.payload(), mine.schema_version()),
      conflict.has_theirs()
          ? PayloadJson(schema, conflict.theirs().type(), conflict.theirs().payload())
          : Json::object(),
      conflict.has_base() ? PayloadJson(schema, conflict.base().type(), conflict.base().payload())
                          : Json::object()};
  const auto& asked = conflict.open().reason().fields();
  std::vector<std::string> fields;
  for (const Json& side : sides) {
    for (const auto& [field, value] : side.items()) {
      if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
    }
  }
  std::vector<std::vector<std::string>> rows = {
      {"", Cat("mine (", conflict.open().position(), ")"), Heading("theirs", conflict.theirs()),
       conflict.base_not_found() ? "base (further back)" : Heading("base", conflict.base())}};
  for (const std::string& field : fields) {
    const bool in_question = std::find(asked.begin(), asked.end(), field) != asked.end();
    rows.push_back({Cat(in_question ? "* " : "  ", field), ValueOf(sides[0], field),
                    ValueOf(sides[1], field), ValueOf(sides[2], field)});
  }
  return Columns(rows);
}

std::string HowToClose(const OpenEvent& open) {
  const std::string command = Cat("fleet resolve ", open.position());
  switch (open.decision()) {
    case CONFLICTED:
      return Cat("    ", command, " apply (mine holds) | drop (theirs stays) | replace JSON\n");
    case REJECTED:
      return Cat("    ", command, " replace JSON (corrected) | drop (given up)\n");
    default:
      return open.behind() == 0
                 ? "    waits for the schema: start the server with one that knows the type\n"
                 : Cat("    waits behind ", open.behind(), ": settle that\n");
  }
}

std::string QueueText(const FleetDevice& device) {
  const QueueHealth& health = device.health();
  std::string text = Cat(health.pending(), " pending");
  if (health.pending() > 0) {
    text +=
        Cat(" (the oldest for ", AgeWords(absl::Microseconds(device.oldest_pending_age_us())), ")");
  }
  return Cat(text, ", ", health.failed(), " failed, ", health.conflicted(), " conflicted");
}

}  // namespace

std::string SchemaWord(SchemaAge age) {
  switch (age) {
    case SAME_SCHEMA:
      return "same";
    case OLDER_SCHEMA:
      return "older";
    case NEWER_SCHEMA_THAN_SERVER:
      return "newer";
    case OTHER_SCHEMA:
      return "other";
    default:
      return "";
  }
}

std::string AgoText(int64_t moment_us, int64_t now_us) {
  if (moment_us == 0) return "";
  return AgeWords(
      std::max(absl::Microseconds(now_us) - absl::Microseconds(moment_us), absl::ZeroDuration()));
}

std::string SkewText(int64_t skew_us) {
  // To whole seconds: it has the milliseconds in it that a hello takes.
  const absl::Duration skew = absl::Microseconds(skew_us) +
                              (skew_us < 0 ? -absl::Milliseconds(500) : absl::Milliseconds(500));
  const std::string words = AgeWords(skew < absl::ZeroDuration() ? -skew : skew);
  if (words == "0 s") return words;
  return Cat(skew < absl::ZeroDuration() ? "-" : "+", words);
}

Json FleetDeviceJson(const FleetDevice& device) {
  const QueueHealth& health = device.health();
  return {{"device", Text(device.device())},
          {"class", HealthWord(device.health_class())},
          {"why", Text(device.why())},
          {"live", device.live()},
          {"last_seen", TimeText(device.last_seen_us())},
          {"pending", health.pending()},
          {"parked", health.parked()},
          {"oldest_pending_age_seconds", device.oldest_pending_age_us() / 1'000'000},
          {"failed", health.failed()},
          {"conflicted", health.conflicted()},
          {"attempts", health.attempts()},
          {"last_error", Text(health.last_error())},
          {"skew_ms", device.skew_us() / 1000},
          {"clock_steps", device.clock_steps()},
          {"app_version", Text(device.app_version())},
          {"schema", SchemaWord(device.schema())},
          {"blocked_by", Text(health.blocked_kind())},
          {"blocked_text", Text(health.blocked_by())},
          {"blocked_age_seconds", device.blocked_age_us() / 1'000'000},
          {"open",
           {{"conflicted", device.open().conflicted()},
            {"rejected", device.open().rejected()},
            {"parked", device.open().parked()},
            {"for_schema", device.open().for_schema()}}}};
}

Json OpenEventJson(const OpenEvent& open, int64_t now_us) {
  Json json = {{"position", open.position()},
               {"decision", DecisionWord(open.decision())},
               {"device", Text(open.device())},
               {"count", open.count()},
               {"opened", TimeText(open.opened_at_us())},
               {"age_seconds", std::max<int64_t>(0, now_us - open.opened_at_us()) / 1'000'000}};
  if (open.behind() != 0) json["behind"] = open.behind();
  json["reason"] = ReasonObject(open.reason());
  return json;
}

Json FleetConflictJson(const FleetConflict& conflict, const Schema& schema, int64_t now_us) {
  Json json = OpenEventJson(conflict.open(), now_us);
  Intent mine;
  if (mine.ParseFromString(conflict.open().intent())) {
    json["entity"] = Text(Cat(mine.entity_type(), "/", mine.entity_id()));
    json["scope"] = Text(mine.scope());
    json["type"] = Text(mine.type());
    json["mine"] = PayloadJson(schema, mine.type(), mine.payload(), mine.schema_version());
  }
  json["theirs"] = conflict.has_theirs() ? EventObject(conflict.theirs(), schema) : Json();
  json["base"] = conflict.has_base() ? EventObject(conflict.base(), schema) : Json();
  json["base_not_found"] = conflict.base_not_found();
  return json;
}

Json SettleJson(const SettleReply& reply) {
  return {{"position", reply.position()},
          {"decision", DecisionWord(reply.decision())},
          {"reason", ReasonObject(reply.reason())}};
}

std::string OpenEventText(const OpenEvent& open, int64_t now_us) {
  return Cat("position ", open.position(), " is ", DecisionWord(open.decision()), " for ",
             AgoText(open.opened_at_us(), now_us), ": ", open.reason().text(), "\n",
             HowToClose(open));
}

std::string WhyText(const GetDeviceReply& reply) {
  const FleetDevice& device = reply.device();
  const QueueHealth& health = device.health();
  std::string text = Cat(device.device(), " is ", HealthWord(device.health_class()),
                         device.why().empty() ? "" : ": ", device.why(), "\n");
  text += device.live()
              ? "it is connected\n"
              : Cat("last heard ", AgoText(device.last_seen_us(), reply.now_us()), " ago\n");
  text += Cat(QueueText(device), "\n");
  if (!health.blocked_by().empty()) {
    text += Cat("blocked by: ", health.blocked_by(), " (", health.blocked_kind(), ", for ",
                AgeWords(absl::Microseconds(device.blocked_age_us())), ")\n");
  }
  if (health.attempts() > 0) {
    text +=
        Cat(health.attempts(), " attempts failed in a row; the last: ", health.last_error(), "\n");
  }
  for (const OpenEvent& open : reply.open()) text += OpenEventText(open, reply.now_us());
  return text;
}

std::string ConflictText(const FleetConflict& conflict, const Schema& schema, int64_t now_us) {
  const OpenEvent& open = conflict.open();
  Intent mine;
  mine.ParseFromString(open.intent());
  std::string text = Cat("position ", open.position(), ": ", DecisionWord(open.decision()), ", ",
                         mine.entity_type(), "/", mine.entity_id(), ", ", mine.type(), " by ",
                         open.device().empty() ? "?" : open.device(), ", ",
                         AgoText(open.opened_at_us(), now_us), " ago\n");
  text += Cat("    ", open.reason().text());
  if (open.reason().rule() != RULE_UNSPECIFIED) {
    text += Cat(" (rule ", Lower(Rule_Name(open.reason().rule())), ")");
  }
  // What is parked clashes with nothing: it waits.
  const bool clashes = open.decision() != PARKED;
  return Cat(text, "\n", clashes ? SideBySide(conflict, mine, schema) : "", HowToClose(open));
}

}  // namespace intentlog
