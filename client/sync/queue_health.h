// What waits on a device, and since when: for Status, and for the server's operators.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "client/device.h"
#include "client/sync/sync_state.h"
#include "proto/sync.pb.h"

namespace intentlog {

// The pending intent that was recorded first; nothing if none is pending.
struct OldestPending {
  LogPlace place;
  int64_t device_time_us = 0;
};
absl::StatusOr<std::optional<OldestPending>> FindOldestPending(const Device& device);

QueueHealth HealthOf(const Device& device, const SyncState& state);

}  // namespace intentlog
