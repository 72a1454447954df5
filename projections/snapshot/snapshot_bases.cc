#include "projections/snapshot/snapshot_bases.h"

#include <utility>

#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

class SnapshotBase final : public AsOfBase {
 public:
  SnapshotBase(std::shared_ptr<const SnapshotFile> file, int view)
      : file_(std::move(file)), view_(view) {}

  Position position() const override { return file_->position(); }
  absl::Status ForEachRow(const TakeRow& take) const override {
    for (const SnapshotScope& scope : file_->info().scopes()) {
      for (const SnapshotPart& part : scope.parts()) {
        if (static_cast<int>(part.view()) != view_) continue;
        RETURN_IF_ERROR(file_->ForEachRow(part, [&](std::string_view key, std::string_view row) {
          return take(scope.scope(), key, row);
        }));
      }
    }
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const SnapshotFile> file_;
  const int view_;
};

}  // namespace

std::unique_ptr<AsOfBase> BaseOf(std::shared_ptr<const SnapshotFile> file,
                                 const ProjectionInfo& view) {
  const int index = file->FindView(view.name);
  INTENTLOG_CHECK(index >= 0);
  return std::make_unique<SnapshotBase>(std::move(file), index);
}

absl::StatusOr<std::unique_ptr<AsOfBase>> SnapshotBases::Nearest(const ProjectionInfo& view,
                                                                 Position at) {
  std::shared_ptr<const SnapshotFile> file = folder_.Newest(view, at);
  if (file == nullptr) return nullptr;
  return BaseOf(std::move(file), view);
}

}  // namespace intentlog
