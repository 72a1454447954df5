#include "client/sync/queue_health.h"

#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// The first parked one: positions grow with counts, so it is the first row.
absl::StatusOr<std::optional<Count>> FirstParked(const Device& device) {
  const auto row = device.store->Scan(Space::kIndex);
  for (row->Seek("o"); row->Valid() && row->key().substr(0, 1) == "o"; row->Next()) {
    const auto open = ParseOpenIntent(row->value());
    if (!open) return DataLoss("an open intent does not parse");
    if (open->decision == PARKED) return open->place.count;
  }
  RETURN_IF_ERROR(row->status());
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::optional<OldestPending>> FindOldestPending(const Device& device) {
  const OutboxView view = device.outbox->view();
  std::optional<Count> first;
  if (view.receipted < view.last) first = view.receipted.Next();
  if (device.outbox->counts().parked > 0) {
    ASSIGN_OR_RETURN(const std::optional<Count> parked, FirstParked(device));
    if (parked && (!first || *parked < *first)) first = parked;
  }
  if (!first) return std::nullopt;
  OldestPending oldest;
  oldest.count = *first;
  IntentReader reader(*device.store, device.outbox->priority());
  RETURN_IF_ERROR(reader.ForEach(*first, *first, [&](Count, std::string_view intent) {
    IntentView view;
    RETURN_IF_ERROR(ReadIntent(intent, &view));
    oldest.device_time_us = view.device_time_us;
    return absl::OkStatus();
  }));
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
