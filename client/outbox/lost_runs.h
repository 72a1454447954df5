// Where intents of this device stood in a history that a server lost: they go to it again, and it
// is told. Only counts without a receipt are asked about; what is left of others is without
// meaning.
//
//   kIndex  'w' class (1) first count (8) → LostRun
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/outbox/log_place.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "proto/sync.pb.h"

namespace intentlog {

// Looks counts up, as the store was when it was made. Thread-compatible; the store must outlive it.
class LostRunReader {
 public:
  LostRunReader(const Store& store, PriorityClass priority);
  // The run that holds `count`, or the first one after it; nothing: there is none.
  // DATA_LOSS if a row does not parse.
  absl::StatusOr<std::optional<LostRun>> At(Count count);

 private:
  absl::StatusOr<std::optional<LostRun>> Current() const;

  const PriorityClass priority_;
  const std::unique_ptr<StoreCursor> cursor_;
  bool any_ = false;
};

// `runs`, in order, take the place of what is known of the same counts from earlier losses.
absl::Status PutLostRuns(const Store& store, PriorityClass priority,
                         const std::vector<LostRun>& runs, StoreBatch& batch);
// Tells the server of those among the intents of `push`, whose log has the counts after `before`.
absl::Status AddLostRuns(const Store& store, PriorityClass priority, Count before, Push& push);

}  // namespace intentlog
