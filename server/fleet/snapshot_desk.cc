#include "server/fleet/snapshot_desk.h"

#include "eventlog/runtime/text.h"

namespace intentlog {

SnapshotStatus StatusOfSnapshot(const FoundSnapshot& found, const SnapshotFolder& folder,
                                const Projections& projections) {
  SnapshotStatus status;
  status.set_path(found.path);
  status.set_position(found.position.value());
  status.set_bytes(found.bytes);
  if (!found.status.ok()) status.set_skipped(Cat(found.status));
  if (found.file == nullptr) return status;
  const SnapshotInfo& info = found.file->info();
  status.set_taken_us(info.taken_us());
  for (const SnapshotScope& scope : info.scopes()) {
    for (const SnapshotPart& part : scope.parts()) status.set_rows(status.rows() + part.rows());
  }
  if (!found.status.ok()) return status;
  for (const auto& projection : projections) {
    const ProjectionInfo view = projection->info();
    const absl::Status fits = folder.Fits(*found.file, view);
    if (fits.ok()) {
      status.add_views(view.name);
    } else {
      status.add_unfit(Cat(fits));
    }
  }
  return status;
}

}  // namespace intentlog
