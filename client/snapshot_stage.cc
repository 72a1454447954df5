#include "client/snapshot_stage.h"

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr std::string_view kHead("load\0", 5);
constexpr std::string_view kLoading("loading\0", 8);

std::string ChunkPrefix(std::string_view scope) { return Cat('z', scope, '\0'); }

std::string ChunkKey(std::string_view scope, uint32_t index) {
  std::string key = ChunkPrefix(scope);
  AppendBig64(key, index);
  return key;
}

// How many chunks are here: they come in order.
absl::StatusOr<uint32_t> CountChunks(const Store& store, std::string_view scope) {
  const std::string prefix = ChunkPrefix(scope);
  const auto row = store.Scan(Space::kLog);
  row->SeekBack(ChunkKey(scope, UINT32_MAX));
  RETURN_IF_ERROR(row->status());
  if (!row->Valid() || row->key().substr(0, prefix.size()) != prefix) return 0;
  return static_cast<uint32_t>(LastBig64(row->key()) + 1);
}

}  // namespace

absl::StatusOr<std::vector<StagedSnapshot>> ReadStaged(const Store& store) {
  std::vector<StagedSnapshot> staged;
  const auto row = store.Scan(Space::kMeta);
  for (row->Seek(kHead); row->Valid() && row->key().substr(0, kHead.size()) == kHead; row->Next()) {
    StagedSnapshot& one = staged.emplace_back();
    const std::string_view scope = row->key().substr(kHead.size());
    const std::string_view value = row->value();
    if (!one.head.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
        one.head.scope() != scope) {
      return DataLoss("the snapshot of scope \"", scope, "\" that was being loaded does not parse");
    }
    ASSIGN_OR_RETURN(one.next, CountChunks(store, scope));
    std::string mark;
    ASSIGN_OR_RETURN(one.loading, store.Get(Space::kMeta, Cat(kLoading, scope), &mark));
  }
  RETURN_IF_ERROR(row->status());
  return staged;
}

void StageHead(const SnapshotHead& head, StoreBatch& batch) {
  batch.Put(Space::kMeta, Cat(kHead, head.scope()), head.SerializeAsString());
}

void StageChunk(const SnapshotChunk& chunk, StoreBatch& batch) {
  batch.Put(Space::kLog, ChunkKey(chunk.scope(), chunk.index()), chunk.block());
}

void MarkLoading(std::string_view scope, StoreBatch& batch) {
  batch.Put(Space::kMeta, Cat(kLoading, scope), std::string_view());
}

absl::Status DropStaged(const Store& store, std::string_view scope, StoreBatch& batch) {
  const std::string prefix = ChunkPrefix(scope);
  const auto row = store.Scan(Space::kLog);
  for (row->Seek(prefix); row->Valid() && row->key().substr(0, prefix.size()) == prefix;
       row->Next()) {
    batch.Delete(Space::kLog, row->key());
  }
  batch.Delete(Space::kMeta, Cat(kHead, scope));
  batch.Delete(Space::kMeta, Cat(kLoading, scope));
  return row->status();
}

absl::Status ReadStagedChunk(const Store& store, std::string_view scope, uint32_t index,
                             std::string* block) {
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kLog, ChunkKey(scope, index), block));
  if (found) return absl::OkStatus();
  return NotFound("chunk ", index, " of the snapshot of scope \"", scope, "\" is not here");
}

}  // namespace intentlog
