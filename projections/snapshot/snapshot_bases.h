// Where an as-of fold may begin: the snapshots of a folder.
#pragma once

#include <memory>

#include "projections/asof/as_of_base.h"
#include "projections/snapshot/snapshot_folder.h"

namespace intentlog {

// Rows of one view of a file, as a base. REQUIRES: SnapshotFolder::Fits.
std::unique_ptr<AsOfBase> BaseOf(std::shared_ptr<const SnapshotFile> file,
                                 const ProjectionInfo& view);

class SnapshotBases final : public AsOfBases {
 public:
  // The folder must outlive this.
  explicit SnapshotBases(const SnapshotFolder& folder) : folder_(folder) {}
  absl::StatusOr<std::unique_ptr<AsOfBase>> Nearest(const ProjectionInfo& view,
                                                    Position at) override;

 private:
  const SnapshotFolder& folder_;
};

}  // namespace intentlog
