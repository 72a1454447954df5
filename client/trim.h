// Keeps a device's log within its quota: own intents, and the feed. When it grows towards the
// quota, the oldest of what is safe elsewhere goes: own intents that are closed, that the server's
// backups cover and the rows contain, and then blocks of the feed that the rows contain. What is
// pending, open, or waited for by a row that stands still never goes; if that fills the quota,
// nothing is recorded any more. A snapshot that comes in lies beside it until it is loaded.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/device.h"

namespace intentlog {

// Trims until enough is free, or nothing safe is left; returns the bytes that went. Cheap where
// trimming is not due, or was in vain a moment ago. REQUIRES: Device::folding is held.
absl::StatusOr<uint64_t> TrimLog(Device& device);

// Room for `bytes` more, trimming if need be. RESOURCE_EXHAUSTED: what is held is not safe
// elsewhere; says how much of what, and what to do. Any thread.
absl::Status MakeRoom(Device& device, uint64_t bytes);

}  // namespace intentlog
