#include "projections/snapshot/take_snapshot.h"

#include <map>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_fold.h"

namespace intentlog {
namespace {

struct FrozenPart {
  uint32_t view;
  FoldState state;
};
// By scope, in byte order; of each by view.
using FrozenParts = std::map<std::string, std::vector<FrozenPart>, std::less<>>;

absl::StatusOr<FrozenParts> PartsOf(const FrozenRows& frozen, Position position) {
  FrozenParts parts;
  const std::unique_ptr<StoreCursor> cursor = frozen.snapshot->Scan(Space::kMeta);
  for (uint32_t view = 0; view < frozen.views.size(); ++view) {
    const std::string prefix = CheckpointPrefix(frozen.views[view].build);
    for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix);
         cursor->Next()) {
      ASSIGN_OR_RETURN(const FoldState state, ParseCheckpoint(cursor->value()));
      const std::string_view scope = cursor->key().substr(prefix.size());
      if (state.position > position) {
        return FailedPrecondition("view ", frozen.views[view].info.name, ", scope ", scope,
                                  " is folded through ", state.position, ", others through ",
                                  position, ": no snapshot until they are equally far");
      }
      parts[std::string(scope)].push_back({view, state});
    }
    RETURN_IF_ERROR(cursor->status());
  }
  return parts;
}

absl::Status AddRows(StoreCursor& cursor, const std::string& prefix, SnapshotWriter& writer) {
  for (cursor.Seek(prefix); cursor.Valid() && cursor.key().starts_with(prefix); cursor.Next()) {
    RETURN_IF_ERROR(writer.Add(cursor.key().substr(prefix.size()), cursor.value()));
  }
  return cursor.status();
}

SnapshotInfo InfoOf(const FrozenRows& frozen, const SnapshotAbout& about) {
  SnapshotInfo info;
  info.set_epoch_id(std::string(about.epoch.bytes()));
  info.set_position(about.position.value());
  info.set_chain(std::string(Bytes(about.chain)));
  info.set_schema_digest(about.schema_digest);
  info.set_taken_us(about.taken_us);
  for (const FrozenRows::View& view : frozen.views) {
    SnapshotView& added = *info.add_views();
    added.set_name(view.info.name);
    added.set_version(view.info.version);
    added.set_row(view.info.row->full_name());
    if (about.fingerprint != nullptr) added.set_fingerprint(about.fingerprint(view.info));
  }
  return info;
}

}  // namespace

FingerprintLookup FingerprintsOf(std::vector<std::shared_ptr<const Projection>> projections) {
  return [projections = std::move(projections)](const ProjectionInfo& view) -> std::string {
    for (const std::shared_ptr<const Projection>& one : projections) {
      const ProjectionInfo info = one->info();
      if (info.name == view.name && info.version == view.version) return one->fingerprint();
    }
    return {};
  };
}

absl::StatusOr<std::shared_ptr<const SnapshotFile>> TakeSnapshot(
    const FrozenRows& frozen, const SnapshotAbout& about, const std::string& folder,
    const SnapshotWriterOptions& options) {
  ASSIGN_OR_RETURN(const FrozenParts parts, PartsOf(frozen, about.position));
  ASSIGN_OR_RETURN(const auto writer,
                   SnapshotWriter::Create(folder, InfoOf(frozen, about), options));
  const std::unique_ptr<StoreCursor> cursor = frozen.snapshot->Scan(Space::kRows);
  for (const auto& [scope, views] : parts) {
    writer->BeginScope(scope);
    for (const FrozenPart& part : views) {
      writer->BeginPart(part.view);
      const std::string prefix = RowPrefix(frozen.views[part.view].build, scope);
      RETURN_IF_ERROR(AddRows(*cursor, prefix, *writer));
      RETURN_IF_ERROR(writer->EndPart(part.state.digest, part.state.rows, part.state.parked));
    }
  }
  return writer->Finish();
}

}  // namespace intentlog
