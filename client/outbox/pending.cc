#include "client/outbox/pending.h"

#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

absl::StatusOr<OldestPending> ReadPending(const Outbox& outbox, LogPlace place) {
  IntentReader reader(outbox.store(), place.priority);
  ASSIGN_OR_RETURN(const std::string_view intent, reader.Get(place.count));
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(intent, &view));
  return OldestPending{place, view.device_time_us};
}

void TakeOlder(const std::optional<OldestPending>& other, std::optional<OldestPending>& oldest) {
  if (!other || (oldest && oldest->device_time_us <= other->device_time_us)) return;
  oldest = other;
}

}  // namespace

// Positions grow with counts, so it is the log's first row.
absl::StatusOr<std::array<std::optional<Count>, kClasses>> FirstParked(const Outbox& outbox) {
  std::array<std::optional<Count>, kClasses> first;
  int wanted = 0;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (outbox.counts(priority).parked > 0) ++wanted;
  }
  if (wanted == 0) return first;
  const auto row = outbox.store().Scan(Space::kIndex);
  row->Seek("o");
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

absl::StatusOr<std::optional<OldestPending>> FindOldestUndecided(const Outbox& outbox,
                                                                 PriorityClass priority) {
  const OutboxView view = outbox.view(priority);
  if (view.receipted >= view.last) return std::nullopt;
  return ReadPending(outbox, {priority, view.receipted.Next()});
}

absl::StatusOr<std::optional<OldestPending>> FindOldestPending(const Outbox& outbox) {
  ASSIGN_OR_RETURN(const auto parked, FirstParked(outbox));
  std::optional<OldestPending> oldest;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    ASSIGN_OR_RETURN(const auto undecided, FindOldestUndecided(outbox, priority));
    TakeOlder(undecided, oldest);
    if (!parked[priority]) continue;
    ASSIGN_OR_RETURN(const OldestPending first, ReadPending(outbox, {priority, *parked[priority]}));
    TakeOlder(first, oldest);
  }
  return oldest;
}

}  // namespace intentlog
