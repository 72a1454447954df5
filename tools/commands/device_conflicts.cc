// intentlog device conflicts --dir DIR
#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/intent_json.h"
#include "tools/commands/json.h"
#include "tools/commands/status_json.h"
#include "tools/commands/table.h"

namespace intentlog {
namespace {

constexpr size_t kCellColumns = 40;

std::string ShortType(const std::string& type) { return type.substr(type.rfind('.') + 1); }

std::string CellText(const Json& payload, const std::string& field) {
  const auto value = payload.find(field);
  if (value == payload.end()) return "";
  return Shorten(value->is_string() ? value->get<std::string>() : ToText(*value), kCellColumns);
}

// The fields of all three, in the order in which they come.
std::vector<std::string> FieldsOf(const std::vector<Json>& payloads) {
  std::vector<std::string> fields;
  for (const Json& payload : payloads) {
    if (!payload.is_object()) continue;
    for (const auto& [name, value] : payload.items()) {
      if (std::find(fields.begin(), fields.end(), name) == fields.end()) fields.push_back(name);
    }
  }
  return fields;
}

// What the rule names; where it names nothing, all in which mine and theirs differ.
bool InQuestion(const Conflict& conflict, const std::string& field, const Json& mine,
                const Json& theirs) {
  if (!conflict.fields.empty()) {
    return std::count(conflict.fields.begin(), conflict.fields.end(), field) > 0;
  }
  return conflict.theirs && conflict.theirs->type == conflict.mine.type &&
         CellText(mine, field) != CellText(theirs, field);
}

std::string Head(const std::string& name, const std::optional<Conflict::Side>& side) {
  if (!side) return name;
  return Cat(name, " (", ShortType(side->type), " at ", side->position, side->own ? ", own)" : ")");
}

void PrintSides(const Conflict& conflict, const Schema& schema) {
  const auto payload = [&](const std::optional<Conflict::Side>& side) {
    return side ? PayloadJson(schema, side->type, side->payload) : Json::object();
  };
  const std::vector<Json> sides = {payload(conflict.mine), payload(conflict.theirs),
                                   payload(conflict.base)};
  Table table({" ", "field", Head("mine", conflict.mine), Head("theirs", conflict.theirs),
               Head("base", conflict.base)});
  for (const std::string& field : FieldsOf(sides)) {
    const bool marked = InQuestion(conflict, field, sides[0], sides[1]);
    table.Add({marked ? "*" : " ", field, CellText(sides[0], field), CellText(sides[1], field),
               CellText(sides[2], field)});
  }
  table.Print();
}

std::string SinceText(const Conflict& conflict) {
  if (conflict.since == absl::InfinitePast()) return "since this device learned of it";
  const absl::Duration age = SystemClock().WallNow() - conflict.since;
  return Cat("since ", TimeText(absl::ToUnixMicros(conflict.since)), " (",
             AgeText(std::max(age, absl::ZeroDuration())), ")");
}

void PrintOne(const Conflict& conflict, const Schema& schema, const std::string& dir) {
  const std::string rule = RuleWord(conflict.rule);
  std::printf("conflict %s  %s  recorded by %s device, %s%s\n",
              std::to_string(conflict.position.value()).c_str(), ToText(conflict.entity).c_str(),
              conflict.mine.own ? "this" : "another", SinceText(conflict).c_str(),
              rule.empty() ? "" : Cat(", rule ", rule).c_str());
  const std::string why = ReasonText(conflict.reason);
  if (!why.empty()) std::printf("%s\n", why.c_str());
  PrintSides(conflict, schema);
  if (conflict.said && conflict.said->refused) {
    std::printf("your last decision was refused: %s\n", ReasonText(conflict.said->reason).c_str());
  } else if (conflict.said) {
    std::printf("a decision is on its way: %s\n", ToText(conflict.said->intent_id).c_str());
    return;
  }
  std::printf("decide: intentlog device resolve --dir %s %s apply|drop|replace [JSON]\n",
              dir.c_str(), std::to_string(conflict.position.value()).c_str());
}

absl::Status RunConflicts(const DeviceArguments& options) {
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(options.folder));
  const Schema& schema = *device.client->schema();
  ASSIGN_OR_RETURN(const std::vector<Conflict> conflicts, device.client->Conflicts());
  if (options.json) {
    Json list = Json::array();
    for (const Conflict& one : conflicts) list.push_back(ConflictJson(one, schema));
    PrintJson({{"conflicts", std::move(list)}});
    return absl::OkStatus();
  }
  if (conflicts.empty()) std::printf("no conflict is open\n");
  for (const Conflict& one : conflicts) {
    if (&one != conflicts.data()) std::printf("\n");
    PrintOne(one, schema, options.folder.dir);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceConflicts(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<DeviceArguments>();
  CLI::App& command = AddCommand(
      device, "conflicts",
      "What waits for a person's decision: mine, theirs, and what both began from. A * marks what "
      "is in question.");
  AddDeviceArguments(command, options.get());
  OnRun(command, exit_code, [options] { return RunConflicts(*options); });
}

}  // namespace intentlog
