// What waits on a device, since when and why: for the server's operators.
#pragma once

#include "client/device.h"
#include "client/sync/sync_state.h"
#include "eventlog/runtime/clock.h"
#include "proto/sync.pb.h"

namespace intentlog {

QueueHealth HealthOf(const Device& device, const SyncState& state, const Clock& clock);

}  // namespace intentlog
