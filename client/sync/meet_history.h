// What a device does when it meets a server whose history is not the one that it has a part of: a
// server that was restored, from whichever backup. What both have in common stays. What the device
// has beyond it is void: its own intents there go to the server again, its scopes begin anew.
//
//   device   ──── shared ────┤ rows, receipts, settlements that are lost
//   server   ──── shared ────┤ what it did since it was restored
#pragma once

#include "absl/status/statusor.h"
#include "client/device.h"
#include "proto/sync.pb.h"

namespace intentlog {

// True if something was lost: the Hello that was sent told of it, so another one must be. Durable
// then. FAILED_PRECONDITION, and nothing changes: the server's history is that of another log, or
// it lost something without saying so. INVALID_ARGUMENT: the Welcome contradicts itself.
absl::StatusOr<bool> MeetHistory(Device& device, const Welcome& welcome);

// Through here what this device knows of the server's history is right for certain.
Position CertainlyShared(const Device& device, const Welcome& welcome);

}  // namespace intentlog
