// The conflicts that a device knows of: one row for each event of a followed scope that is
// conflicted, from the feed frame that tells of it to the one that holds its settlement. Rows
// change in the write that moves the cursor (I13).
//
//   kIndex  'c' position (8) → OpenEvent
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "eventlog/log/event.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "proto/store.pb.h"

namespace intentlog {

// What one event changes.
struct ConflictChange {
  Position of;
  std::string row;       // a serialized OpenEvent; empty: it is no conflict any more
  bool settled = false;  // whatever this device said of it is answered
};

// Adds to `changes` what `event` changes, if it does. DATA_LOSS if its settlement does not parse.
absl::Status NoteConflict(const Event& event, std::vector<ConflictChange>& changes);
// In the order in which they were noted.
void PutConflicts(absl::Span<const ConflictChange> changes, StoreBatch& batch);

// In position order. DATA_LOSS.
absl::StatusOr<std::vector<OpenEvent>> ReadConflicts(const Store& store);
absl::StatusOr<std::optional<OpenEvent>> FindConflict(const Store& store, Position position);

}  // namespace intentlog
