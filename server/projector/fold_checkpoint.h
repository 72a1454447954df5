// The row that says how far a tenant's views are folded together, and which of them.
//
//   kMeta "server/projector"  →  position (8, big-endian), then a line for each projection: name,
//                                space, version
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "projections/engine/projection.h"

namespace intentlog {

struct FoldCheckpoint {
  Position position;
  std::string signature;  // lines of the projections
};

// Of a projection that is folded, a line of the signature.
std::string FoldLineOf(const ProjectionInfo& info);
void PutFoldCheckpoint(const FoldCheckpoint& checkpoint, StoreBatch& batch);
// Position 0 if there is none.
absl::StatusOr<FoldCheckpoint> ReadFoldCheckpoint(const Store& views);

}  // namespace intentlog
