// intentlog fleet show DEVICE, intentlog fleet why DEVICE
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/fleet.h"
#include "tools/commands/fleet_text.h"
#include "tools/commands/json.h"

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

Json DeviceJson(const GetDeviceReply& reply) {
  Json json = FleetDeviceJson(reply.device());
  json["events"] = Json::array();
  for (const OpenEvent& open : reply.open()) {
    json["events"].push_back(OpenEventJson(open, reply.now_us()));
  }
  json["open_incomplete"] = reply.open_incomplete();
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
