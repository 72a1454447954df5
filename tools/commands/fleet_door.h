// A FleetDoor is where `intentlog fleet` and `intentlog view rebuild` ask: a running server's
// service Admin, or the data folder of a server that is not running, opened by the server's own
// core.
//
// Thread-compatible; calls block.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/block.h"
#include "eventlog/schema/schema.h"
#include "proto/admin.pb.h"

namespace CLI {
class App;
}

namespace intentlog {

struct FleetDoorOptions {
  std::string dir;
  std::string server;
  std::string tenant = "default";
  std::string schema_file;
};

class FleetDoor {
 public:
  virtual ~FleetDoor() = default;

  // The tenant is filled in by the door.
  virtual absl::StatusOr<ListDevicesReply> ListDevices(ListDevicesRequest request) = 0;
  virtual absl::StatusOr<GetDeviceReply> GetDevice(GetDeviceRequest request) = 0;
  virtual absl::StatusOr<ListConflictsReply> ListConflicts(ListConflictsRequest request) = 0;
  virtual absl::StatusOr<SettleReply> Settle(SettleRequest request) = 0;
  virtual absl::StatusOr<OperateViewReply> OperateView(OperateViewRequest request) = 0;
  virtual absl::StatusOr<OperateSnapshotsReply> OperateSnapshots(
      OperateSnapshotsRequest request) = 0;
  // In order, until `take` says no.
  using TakeEvent = std::function<bool(const EventRef& event)>;
  virtual absl::Status ReadEvents(const TakeEvent& take) = 0;
  // By which the server decides; with --schema, that of the file.
  virtual absl::StatusOr<std::shared_ptr<const Schema>> LoadSchema() = 0;
};

// Wrong usage unless exactly one of dir and server is given; errors say what to name instead.
absl::StatusOr<std::unique_ptr<FleetDoor>> OpenFleetDoor(const FleetDoorOptions& options);

}  // namespace intentlog
