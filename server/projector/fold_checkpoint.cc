#include "server/projector/fold_checkpoint.h"

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr std::string_view kCheckpointKey = "server/projector";
constexpr size_t kPositionBytes = 8;

}  // namespace

std::string FoldLineOf(const ProjectionInfo& info) {
  return Cat(info.name, " ", info.version, "\n");
}

void PutFoldCheckpoint(const FoldCheckpoint& checkpoint, StoreBatch& batch) {
  std::string row;
  AppendBig64(row, checkpoint.position.value());
  batch.Put(Space::kMeta, kCheckpointKey, row + checkpoint.signature);
}

absl::StatusOr<FoldCheckpoint> ReadFoldCheckpoint(const Store& views) {
  std::string row;
  ASSIGN_OR_RETURN(const bool found, views.Get(Space::kMeta, kCheckpointKey, &row));
  if (!found || row.size() < kPositionBytes) return FoldCheckpoint();
  return FoldCheckpoint{Position(LoadBig64(row)), row.substr(kPositionBytes)};
}

}  // namespace intentlog
