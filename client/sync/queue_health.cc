#include "client/sync/queue_health.h"

#include <string>

#include "client/outbox/pending.h"
#include "client/sync/why.h"

namespace intentlog {
namespace {

// Texts together stay far below what a server takes in a Hello.
constexpr size_t kTextBytesMax = 1000;

}  // namespace

QueueHealth HealthOf(const Device& device, const SyncState& state, const Clock& clock) {
  const OutboxCounts counts = device.outbox->counts();
  QueueHealth health;
  health.set_recorded(counts.recorded);
  health.set_pending(counts.pending);
  health.set_parked(counts.parked);
  health.set_failed(counts.failed);
  health.set_conflicted(counts.conflicted);
  const auto oldest = FindOldestPending(*device.outbox);
  if (oldest.ok() && oldest->has_value()) {
    health.set_oldest_pending_time_us((*oldest)->device_time_us);
  }
  health.set_attempts(state.attempts);
  health.set_last_error(state.last_error.substr(0, kTextBytesMax));
  const BlockedBy blocked = WhyDevice(device, state, clock);
  if (blocked.kind == BlockedBy::kNothing) return health;
  health.set_blocked_kind(std::string(BlockedWord(blocked.kind)));
  health.set_blocked_by(blocked.text.substr(0, kTextBytesMax));
  health.set_blocked_since_us(absl::ToUnixMicros(clock.WallNow() - blocked.age));
  return health;
}

}  // namespace intentlog
