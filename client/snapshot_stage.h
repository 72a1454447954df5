// Snapshots of scopes as they come in, chunk by chunk, so that what is here survives a cut and a
// crash. Nothing reads them until one is whole: scope_load.h takes it from there.
//
//   kMeta  "load" NUL scope           → SnapshotHead; without chunks for a scope that is emptied
//          "loading" NUL scope        → empty: it is whole and right, and rows are being replaced
//   kLog   'z' scope NUL index (8)    → a chunk's block
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/store/store.h"
#include "proto/sync.pb.h"

namespace intentlog {

struct StagedSnapshot {
  SnapshotHead head;
  uint32_t next = 0;     // the first chunk that is missing
  bool loading = false;  // see above
};

// By scope. DATA_LOSS if a row does not parse.
absl::StatusOr<std::vector<StagedSnapshot>> ReadStaged(const Store& store);

void StageHead(const SnapshotHead& head, StoreBatch& batch);
void StageChunk(const SnapshotChunk& chunk, StoreBatch& batch);
void MarkLoading(std::string_view scope, StoreBatch& batch);
// All of the scope's.
absl::Status DropStaged(const Store& store, std::string_view scope, StoreBatch& batch);

// NOT_FOUND names a chunk that is not here.
absl::Status ReadStagedChunk(const Store& store, std::string_view scope, uint32_t index,
                             std::string* block);

}  // namespace intentlog
