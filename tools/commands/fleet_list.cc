// intentlog fleet list --server HOST:PORT | --dir DIR
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/device_health.h"
#include "tools/commands/command.h"
#include "tools/commands/fleet.h"
#include "tools/commands/fleet_text.h"
#include "tools/commands/json.h"
#include "tools/commands/table.h"

namespace intentlog {
namespace {

constexpr size_t kBlockedColumns = 40;

absl::StatusOr<ListDevicesReply> AllPages(FleetDoor& door) {
  ListDevicesReply all;
  for (bool more = true; more;) {
    ListDevicesRequest request;
    if (!all.devices().empty()) request.set_after(all.devices().rbegin()->device());
    ASSIGN_OR_RETURN(const ListDevicesReply page, door.ListDevices(request));
    more = page.more() && !page.devices().empty();
    all.MergeFrom(page);
  }
  return all;
}

void PrintDevices(const ListDevicesReply& reply) {
  if (reply.devices().empty()) {
    std::printf("no device has connected to this server yet\n");
    return;
  }
  Table table({"device", "class", "last seen", "pending", "oldest", "failed", "conflicted",
               "attempts", "skew", "app", "schema", "blocked by"});
  size_t waiting = 0;
  for (const FleetDevice& device : reply.devices()) {
    const QueueHealth& health = device.health();
    const std::string oldest =
        health.pending() == 0 ? "" : AgeWords(absl::Microseconds(device.oldest_pending_age_us()));
    waiting += device.open().conflicted() + device.open().rejected();
    table.Add({device.device(), HealthWord(device.health_class()),
               device.live() ? "now" : AgoText(device.last_seen_us(), reply.now_us()),
               std::to_string(health.pending()), oldest, std::to_string(health.failed()),
               std::to_string(health.conflicted()), std::to_string(health.attempts()),
               SkewText(device.skew_us()), device.app_version(), SchemaWord(device.schema()),
               Shorten(health.blocked_by(), kBlockedColumns)});
  }
  table.Print();
  if (waiting > 0) {
    std::printf("%s%zu %s for a person: fleet conflicts\n",
                reply.open_incomplete() ? "more than " : "", waiting,
                waiting == 1 ? "waits" : "wait");
  }
}

absl::Status List(const FleetArguments& options) {
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  ASSIGN_OR_RETURN(const ListDevicesReply reply, AllPages(*door));
  if (!options.json) {
    PrintDevices(reply);
    return absl::OkStatus();
  }
  Json devices = Json::array();
  for (const FleetDevice& device : reply.devices()) devices.push_back(FleetDeviceJson(device));
  PrintJson({{"devices", std::move(devices)}, {"open_incomplete", reply.open_incomplete()}});
  return absl::OkStatus();
}

}  // namespace

void RegisterFleetList(CLI::App& fleet, int* exit_code) {
  auto options = std::make_shared<FleetArguments>();
  CLI::App& command = AddCommand(
      fleet, "list", "Every device: healthy, lagging, stuck or silent, and what waits on it.");
  AddFleetArguments(command, options.get());
  OnRun(command, exit_code, [options] { return List(*options); });
}

}  // namespace intentlog
