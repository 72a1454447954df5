#include "server/snapshots/fast_start.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/view_records.h"
#include "projections/snapshot/load_snapshot.h"
#include "server/projector/fold_checkpoint.h"

namespace intentlog {
namespace {

struct Begun {
  OpenProjection view;
  std::shared_ptr<const SnapshotFile> file;
};

absl::StatusOr<bool> HasViews(const Store& views, const Projections& projections) {
  for (const auto& projection : projections) {
    ASSIGN_OR_RETURN(const std::optional<ViewRecord> record,
                     ReadViewRecord(views, projection->info().name));
    if (record) return true;
  }
  return false;
}

absl::Status LoadAll(const std::vector<Begun>& begun, Store& views) {
  StoreBatch batch;
  FoldCheckpoint folded;
  folded.position = begun[0].file->position();
  for (const Begun& one : begun) {
    const absl::Status loaded = LoadSnapshot(*one.file, one.view, views, batch);
    // It was verified: whatever is wrong now, the first event is a beginning, too.
    if (absl::IsDataLoss(loaded)) return absl::OkStatus();
    RETURN_IF_ERROR(loaded);
    ViewRecord record;
    record.set_name(one.view.info.name);
    record.set_version(one.view.info.version);
    record.set_build(one.view.build);
    record.set_row(one.view.info.row->full_name());
    PutViewRecord(record, batch);
    DeleteLoading(one.view.build, batch);
    folded.position = std::min(folded.position, one.file->position());
    folded.signature += FoldLineOf(one.view.info);
  }
  PutFoldCheckpoint(folded, batch);
  return views.Commit(batch, Sync::kDurable);
}

}  // namespace

absl::Status StartFromSnapshots(const SnapshotFolder& folder, const Projections& projections,
                                Store& views) {
  ASSIGN_OR_RETURN(const bool has_views, HasViews(views, projections));
  if (has_views) return absl::OkStatus();
  StoreBatch batch;
  RETURN_IF_ERROR(DropLoading(views, batch));
  ASSIGN_OR_RETURN(BuildId last, LastBuild(views));
  std::vector<Begun> begun;
  for (const auto& projection : projections) {
    Begun one;
    ASSIGN_OR_RETURN(one.view, OpenOne(projection, last + 1));
    one.file = folder.Newest(one.view.info, Position(UINT64_MAX));
    if (one.file == nullptr) continue;
    PutLoading(++last, batch);
    begun.push_back(std::move(one));
  }
  if (begun.empty()) return batch.empty() ? absl::OkStatus() : views.Commit(batch, Sync::kDurable);
  batch.Put(Space::kMeta, kBuildsKey, BuildBytes(last));
  RETURN_IF_ERROR(views.Commit(batch, Sync::kDurable));
  return LoadAll(begun, views);
}

}  // namespace intentlog
