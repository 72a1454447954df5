// Rows of a snapshot put into a store, as if a build had folded them.
#pragma once

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"
#include "projections/snapshot/snapshot_file.h"

namespace intentlog {

struct SnapshotLoadOptions {
  // Of one commit: bounds memory, and lets others write in between.
  size_t commit_bytes_max = 4 << 20;
  // Asked before each commit; an error ends the loading. Null: nobody wants it to end.
  std::function<absl::Status()> before_commit;
};

// Writes the view's rows into its build, which must be empty, in bounded commits that are not
// synced, and puts its checkpoints into `batch`: the build is folded through the file's position
// when the caller commits that. DATA_LOSS: the file is damaged; what was written is of no use.
// REQUIRES: SnapshotFolder::Fits.
absl::Status LoadSnapshot(const SnapshotFile& file, const OpenProjection& into, Store& store,
                          StoreBatch& batch, const SnapshotLoadOptions& options = {});

}  // namespace intentlog
