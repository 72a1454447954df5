#include "server/wire/snapshot_service.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// What a client has to know of `file` to read the rows of one view.
SnapshotInfo InfoFor(const SnapshotFile& file, int view) {
  const SnapshotInfo& all = file.info();
  SnapshotInfo info;
  info.set_format(all.format());
  info.set_epoch_id(all.epoch_id());
  info.set_position(all.position());
  info.set_chain(all.chain());
  info.set_schema_digest(all.schema_digest());
  info.set_taken_us(all.taken_us());
  *info.mutable_views() = all.views();
  for (const SnapshotScope& scope : all.scopes()) {
    for (const SnapshotPart& part : scope.parts()) {
      if (static_cast<int>(part.view()) != view) continue;
      SnapshotScope& added = *info.add_scopes();
      added.set_scope(scope.scope());
      added.set_events(scope.events());
      *added.add_parts() = part;
    }
  }
  return info;
}

absl::Status Find(const Backend& backend, const FindSnapshotRequest& request,
                  FindSnapshotReply* reply) {
  ASSIGN_OR_RETURN(const auto folder, backend.Snapshots(request.tenant()));
  const auto file = folder->NewestOf(request.view(), Position(request.at()));
  if (file == nullptr) return absl::OkStatus();
  reply->set_found(true);
  *reply->mutable_info() = InfoFor(*file, file->FindView(request.view().name()));
  return absl::OkStatus();
}

absl::Status ReadBlocks(const Backend& backend, const ReadSnapshotBlocksRequest& request,
                        size_t answer_bytes, ReadSnapshotBlocksReply* reply) {
  ASSIGN_OR_RETURN(const auto folder, backend.Snapshots(request.tenant()));
  ASSIGN_OR_RETURN(const auto file, folder->OpenAt(Position(request.position())));
  const auto blocks = static_cast<uint32_t>(file->info().blocks_size());
  if (request.first_block() >= blocks) {
    return Invalid("snapshot ", request.position(), " has ", blocks, " blocks");
  }
  size_t bytes = 0;
  for (uint32_t i = request.first_block(); i < blocks; ++i) {
    bytes += file->info().blocks(static_cast<int>(i)).size();
    if (bytes > answer_bytes && i > request.first_block()) break;
    ASSIGN_OR_RETURN(*reply->add_blocks(), file->ReadBlock(i));
  }
  return absl::OkStatus();
}

}  // namespace

SnapshotService::SnapshotService(const Backend& backend, Executor& executor,
                                 const SnapshotServiceOptions& options)
    : backend_(backend),
      options_(options),
      calls_(std::make_shared<Calls>(executor, options.calls_max, absl::Milliseconds(20))) {}

grpc::ServerUnaryReactor* SnapshotService::FindSnapshot(grpc::CallbackServerContext* context,
                                                        const FindSnapshotRequest* request,
                                                        FindSnapshotReply* reply) {
  return Unary(calls_, context, [this, request, reply]() -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(Find(backend_, *request, reply));
    return true;
  });
}

grpc::ServerUnaryReactor* SnapshotService::ReadSnapshotBlocks(
    grpc::CallbackServerContext* context, const ReadSnapshotBlocksRequest* request,
    ReadSnapshotBlocksReply* reply) {
  return Unary(calls_, context, [this, request, reply]() -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(ReadBlocks(backend_, *request, options_.answer_bytes, reply));
    return true;
  });
}

}  // namespace intentlog
