// Read models that are lost, or were never there, begin at snapshots instead of the first event.
#pragma once

#include "absl/status/status.h"
#include "eventlog/store/store.h"
#include "projections/engine/read_models.h"
#include "projections/snapshot/snapshot_folder.h"

namespace intentlog {

// Gives a store in which no view has a build those that the folder's snapshots have for the
// program's projections, each as of the newest one that fits; the rest of the log is folded upon
// them. A store with views is left as it is. An error is the store's; a crash leaves what the next
// start removes.
absl::Status StartFromSnapshots(const SnapshotFolder& folder, const Projections& projections,
                                Store& views);

}  // namespace intentlog
