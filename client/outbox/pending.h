// What waits in an outbox, and since when.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "client/outbox/outbox.h"

namespace intentlog {

struct OldestPending {
  LogPlace place;
  int64_t device_time_us = 0;
};
// The pending intent that was recorded first; nothing if none is pending.
absl::StatusOr<std::optional<OldestPending>> FindOldestPending(const Outbox& outbox);
// The same of one log, of those without a receipt.
absl::StatusOr<std::optional<OldestPending>> FindOldestUndecided(const Outbox& outbox,
                                                                 PriorityClass priority);
// The first parked one of each log.
absl::StatusOr<std::array<std::optional<Count>, kClasses>> FirstParked(const Outbox& outbox);

}  // namespace intentlog
