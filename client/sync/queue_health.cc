#include "client/sync/queue_health.h"

#include <algorithm>
#include <array>

#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

using FirstOfLogs = std::array<std::optional<Count>, kClasses>;

// The first parked one of each log: positions grow with counts, so it is the log's first row.
absl::StatusOr<FirstOfLogs> FirstParked(const Device& device) {
  FirstOfLogs first;
  PriorityClass wanted = 0;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (device.outbox->counts(priority).parked > 0) ++wanted;
  }
  const auto row = device.store->Scan(Space::kIndex);
  if (wanted > 0) row->Seek("o");
  for (; wanted > 0 && row->Valid() && row->key().substr(0, 1) == "o"; row->Next()) {
    const auto open = ParseOpenIntent(row->value());
    if (!open) return DataLoss("an open intent does not parse");
    std::optional<Count>& of_log = first[open->place.priority];
    if (open->decision != PARKED || of_log) continue;
    of_log = open->place.count;
    --wanted;
  }
  RETURN_IF_ERROR(row->status());
  return first;
}

// What of one log was recorded first, of the undecided and the parked ones.
std::optional<Count> FirstPending(const OutboxView& view, std::optional<Count> parked) {
  if (view.receipted >= view.last) return parked;
  const Count undecided = view.receipted.Next();
  return parked ? std::min(*parked, undecided) : undecided;
}

}  // namespace

absl::StatusOr<std::optional<OldestPending>> FindOldestPending(const Device& device) {
  ASSIGN_OR_RETURN(const FirstOfLogs parked, FirstParked(device));
  std::optional<OldestPending> oldest;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    const auto first = FirstPending(device.outbox->view(priority), parked[priority]);
    if (!first) continue;
    IntentReader reader(*device.store, priority);
    ASSIGN_OR_RETURN(const std::string_view intent, reader.Get(*first));
    IntentView view;
    RETURN_IF_ERROR(ReadIntent(intent, &view));
    if (oldest && oldest->device_time_us <= view.device_time_us) continue;
    oldest = OldestPending{{priority, *first}, view.device_time_us};
  }
  return oldest;
}

QueueHealth HealthOf(const Device& device, const SyncState& state) {
  const OutboxCounts counts = device.outbox->counts();
  QueueHealth health;
  health.set_pending(counts.pending);
  health.set_failed(counts.failed);
  health.set_conflicted(counts.conflicted);
  const auto oldest = FindOldestPending(device);
  if (oldest.ok() && oldest->has_value()) {
    health.set_oldest_pending_time_us((*oldest)->device_time_us);
  }
  health.set_attempts(state.attempts);
  health.set_last_error(state.last_error);
  health.set_blocked_by(state.reason_text);
  return health;
}

}  // namespace intentlog
