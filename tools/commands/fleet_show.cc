// intentlog fleet show DEVICE, intentlog fleet why DEVICE
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/fleet.h"
#include "tools/commands/fleet_text.h"
#include "tools/commands/json.h"
#include "tools/commands/status_json.h"

namespace intentlog {
namespace {

struct Options : FleetArguments {
  std::string device;
};

absl::StatusOr<GetDeviceReply> Ask(const Options& options) {
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  GetDeviceRequest request;
  request.set_device(options.device);
  return door->GetDevice(request);
}

// What was refused, as far as it was kept.
Json ForkJson(const ForkSeen& fork) {
  Json json = {{"log_id", UuidText(fork.log_id())},
               {"count", fork.count()},
               {"at", TimeText(fork.at_us())},
               {"bytes", fork.intent().size()}};
  Intent intent;
  if (!intent.ParseFromString(fork.intent())) return json;
  json["intent_id"] = UuidText(intent.intent_id());
  json["type"] = intent.type();
  json["entity"] = Cat(intent.entity_type(), "/", intent.entity_id());
  return json;
}

std::string LogText(const DeviceLog& log) {
  std::string text = Cat("log ", UuidText(log.log_id()), " of class ", log.priority_class());
  if (!log.continues_log_id().empty()) {
    text += Cat(", goes on from ", UuidText(log.continues_log_id()), " after count ",
                log.continues_count());
  }
  return text;
}

Json DeviceJson(const GetDeviceReply& reply) {
  Json json = FleetDeviceJson(reply.device());
  json["events"] = Json::array();
  for (const OpenEvent& open : reply.open()) {
    json["events"].push_back(OpenEventJson(open, reply.now_us()));
  }
  json["open_incomplete"] = reply.open_incomplete();
  json["logs"] = Json::array();
  for (const DeviceLog& log : reply.logs()) {
    json["logs"].push_back({{"class", log.priority_class()}, {"log_id", UuidText(log.log_id())}});
    if (log.continues_log_id().empty()) continue;
    json["logs"].back()["continues"] = UuidText(log.continues_log_id());
    json["logs"].back()["continues_count"] = log.continues_count();
  }
  json["forks"] = Json::array();
  for (const ForkSeen& fork : reply.forks()) json["forks"].push_back(ForkJson(fork));
  return json;
}

absl::Status Show(const Options& options) {
  ASSIGN_OR_RETURN(const GetDeviceReply reply, Ask(options));
  const Json json = DeviceJson(reply);
  if (options.json) {
    PrintJson(json);
    return absl::OkStatus();
  }
  for (const auto& [name, value] : json.items()) {
    if (value.is_structured() || value == "") continue;
    std::printf("%-27s %s\n", name.c_str(),
                value.is_string() ? value.get<std::string>().c_str() : ToText(value).c_str());
  }
  for (const auto& [name, count] : json["open"].items()) {
    std::printf("%-27s %s\n", Cat("open_", name).c_str(), ToText(count).c_str());
  }
  for (const DeviceLog& log : reply.logs()) std::printf("%s\n", LogText(log).c_str());
  for (const Json& fork : json["forks"]) {
    std::printf(
        "refused at count %s of log %s, %s: %s %s, intent %s; a copy of its folder was used\n",
        ToText(fork["count"]).c_str(), fork["log_id"].get<std::string>().c_str(),
        fork["at"].get<std::string>().c_str(), fork.value("type", "").c_str(),
        fork.value("entity", "").c_str(), fork.value("intent_id", "").c_str());
  }
  for (const OpenEvent& open : reply.open()) {
    std::fputs(OpenEventText(open, reply.now_us()).c_str(), stdout);
  }
  return absl::OkStatus();
}

absl::Status Why(const Options& options) {
  ASSIGN_OR_RETURN(const GetDeviceReply reply, Ask(options));
  if (options.json) {
    PrintJson(DeviceJson(reply));
  } else {
    std::fputs(WhyText(reply).c_str(), stdout);
  }
  return absl::OkStatus();
}

void Add(CLI::App& fleet, int* exit_code, const std::string& name, const std::string& help,
         absl::Status (*run)(const Options&)) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(fleet, name, help);
  AddText(command, "DEVICE", &options->device, "its name, as fleet list shows it", kRequired);
  AddFleetArguments(command, options.get());
  OnRun(command, exit_code, [options, run] { return run(*options); });
}

}  // namespace

void RegisterFleetShow(CLI::App& fleet, int* exit_code) {
  Add(fleet, exit_code, "show", "All that the server knows of a device.", Show);
}

void RegisterFleetWhy(CLI::App& fleet, int* exit_code) {
  Add(fleet, exit_code, "why", "Why a device's work is not synced, and what to do.", Why);
}

}  // namespace intentlog
