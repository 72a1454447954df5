#include "projections/snapshot/load_snapshot.h"

#include <optional>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_fold.h"
#include "projections/engine/row_index.h"
#include "projections/engine/row_keys.h"

namespace intentlog {

absl::Status LoadSnapshot(const SnapshotFile& file, const OpenProjection& into, Store& store,
                          StoreBatch& batch, const SnapshotLoadOptions& options) {
  const int index = file.FindView(into.info.name);
  INTENTLOG_CHECK(index >= 0);
  StoreBatch rows;
  const auto commit = [&]() -> absl::Status {
    if (options.before_commit != nullptr) RETURN_IF_ERROR(options.before_commit());
    RETURN_IF_ERROR(store.Commit(rows, Sync::kBuffered));
    rows.Clear();
    return absl::OkStatus();
  };
  for (const SnapshotScope& scope : file.info().scopes()) {
    for (const SnapshotPart& part : scope.parts()) {
      if (static_cast<int>(part.view()) != index) continue;
      const std::string prefix = RowPrefix(into.build, scope.scope());
      const ScopeIndexes indexes(into, scope.scope());
      RETURN_IF_ERROR(file.ForEachRow(part, [&](std::string_view key, std::string_view row) {
        rows.Put(Space::kRows, Cat(prefix, key), row);
        RETURN_IF_ERROR(indexes.WriteOf(key, std::nullopt, row, rows));
        return rows.bytes() < options.commit_bytes_max ? absl::OkStatus() : commit();
      }));
      FoldState state;
      state.position = file.position();
      state.rows = part.rows();
      INTENTLOG_CHECK(Digest128::FromBytes(part.digest(), &state.digest));
      batch.Put(Space::kMeta, CheckpointKey(into.build, scope.scope()), CheckpointBytes(state));
    }
  }
  return commit();
}

}  // namespace intentlog
