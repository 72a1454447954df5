// Snapshot files, as an operator is told of them.
#pragma once

#include "projections/engine/read_models.h"
#include "projections/snapshot/snapshot_folder.h"
#include "proto/snapshot.pb.h"

namespace intentlog {

// Which views of `projections` may begin at the file, and why others may not.
SnapshotStatus StatusOfSnapshot(const FoundSnapshot& found, const SnapshotFolder& folder,
                                const Projections& projections);

}  // namespace intentlog
