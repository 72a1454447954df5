// A FleetDesk answers an operator: how devices are doing, what waits for a person, and why. Behind
// the Admin service, and behind the command that opens a server's folder.
//
// Calls block while they read, each within the bounds of its options. Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/admin.pb.h"
#include "server/fleet/device_health.h"
#include "server/fleet/fleet_backend.h"

namespace intentlog {

struct FleetOptions {
  HealthLimits health;
  // Devices of one page: with their sentences about half a megabyte.
  size_t devices_max = 1000;
  // Open events that are counted for devices in one call: a tenth of a second. Of more than these
  // the newest are not counted, and the answer says so.
  size_t open_scan_max = 50000;
  // Conflicts of one page, and bytes of their intents and events, nearly: a screen or two, and far
  // below what a call may carry.
  size_t conflicts_max = 100;
  size_t conflict_bytes_max = 1 << 20;
  // A base is looked for in so many events before what the intent was based on. A scope's quiet
  // entities lie further back; a person is then told that the base was not found.
  uint64_t base_events_max = 20000;
  // Open events that are named with one device.
  size_t device_open_max = 100;
  // Names like an unknown one that are proposed.
  size_t similar_max = 5;
};

class FleetDesk {
 public:
  // `backend` must outlive the desk.
  FleetDesk(FleetBackend& backend, const FleetOptions& options = {});

  absl::StatusOr<ListDevicesReply> ListDevices(const ListDevicesRequest& request) const;
  // NOT_FOUND proposes similar names.
  absl::StatusOr<GetDeviceReply> GetDevice(const GetDeviceRequest& request) const;
  // Conflicted and rejected events, and parked ones with what they wait for. NOT_FOUND: the one
  // position that was asked for is not open; says so.
  absl::StatusOr<ListConflictsReply> ListConflicts(const ListConflictsRequest& request) const;
  absl::StatusOr<GetSchemaReply> GetSchema(const GetSchemaRequest& request) const;
  // What the request gets wrong by itself, before anything is asked. INVALID_ARGUMENT.
  absl::Status CheckSettle(const SettleRequest& request) const;

  FleetBackend& backend() const { return backend_; }

 private:
  FleetBackend& backend_;
  const FleetOptions options_;
};

// Names that somebody may have meant by `wanted`: those that begin with it or hold it, and those
// that a slip or two make it; best first, at most `limit`. Pure.
std::vector<std::string> SimilarNames(std::string_view wanted,
                                      const std::vector<std::string>& names, size_t limit);

}  // namespace intentlog
