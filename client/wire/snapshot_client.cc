#include "client/wire/snapshot_client.h"

#include <chrono>
#include <map>
#include <utility>

#include "client/wire/wire_error.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/digest.h"
#include "projections/snapshot/snapshot_block.h"
#include "proto/snapshot.grpc.pb.h"

namespace intentlog {
namespace {

absl::Status CheckPart(const SnapshotPart& part, const std::map<uint32_t, std::string>& blocks,
                       const AsOfBase::TakeRow& take, std::string_view scope) {
  Digest128 digest;
  uint64_t count = 0;
  for (uint32_t i = part.first_block(); i < part.first_block() + part.blocks(); ++i) {
    ASSIGN_OR_RETURN(const SnapshotBlockView block,
                     SnapshotBlockView::Parse(blocks.find(i)->second));
    for (SnapshotRows rows(block); rows.Next(); ++count) {
      digest.Add(rows.key(), rows.row());
      RETURN_IF_ERROR(take(scope, rows.key(), rows.row()));
    }
  }
  if (count == part.rows() && digest.Bytes() == part.digest()) return absl::OkStatus();
  return DataLoss("rows of scope ", scope, " are not those of their digest");
}

class ReadBase final : public AsOfBase {
 public:
  ReadBase(SnapshotInfo info, std::map<uint32_t, std::string> blocks)
      : info_(std::move(info)), blocks_(std::move(blocks)) {}

  Position position() const override { return Position(info_.position()); }
  absl::Status ForEachRow(const TakeRow& take) const override {
    for (const SnapshotScope& scope : info_.scopes()) {
      for (const SnapshotPart& part : scope.parts()) {
        RETURN_IF_ERROR(CheckPart(part, blocks_, take, scope.scope()));
      }
    }
    return absl::OkStatus();
  }

 private:
  const SnapshotInfo info_;
  const std::map<uint32_t, std::string> blocks_;  // as sent
};

uint64_t BytesOf(const SnapshotInfo& info) {
  uint64_t bytes = 0;
  for (const SnapshotScope& scope : info.scopes()) {
    for (const SnapshotPart& part : scope.parts()) bytes += part.bytes();
  }
  return bytes;
}

}  // namespace

struct SnapshotClient::Rep {
  template <class Request, class Reply>
  absl::StatusOr<Reply> Call(grpc::Status (Snapshots::Stub::*method)(grpc::ClientContext*,
                                                                     const Request&, Reply*),
                             const Request& request) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    Reply reply;
    RETURN_IF_ERROR(WireStatus(address, (stub.get()->*method)(&context, request, &reply)));
    return reply;
  }
  absl::Status ReadPart(const SnapshotInfo& info, const SnapshotPart& part,
                        std::map<uint32_t, std::string>& blocks) const;
  absl::StatusOr<std::unique_ptr<AsOfBase>> Read(SnapshotInfo info) const;

  const std::string address;
  const std::string tenant;
  const absl::Duration timeout;
  const std::unique_ptr<Snapshots::Stub> stub;
};

SnapshotClient::SnapshotClient(const WireOptions& options, std::string tenant,
                               absl::Duration timeout)
    : rep_(new Rep{options.address, std::move(tenant), timeout,
                   Snapshots::NewStub(MakeChannel(options))}) {}

SnapshotClient::~SnapshotClient() = default;

// An answer may have blocks beyond the part: of the next one, or of another view.
absl::Status SnapshotClient::Rep::ReadPart(const SnapshotInfo& info, const SnapshotPart& part,
                                           std::map<uint32_t, std::string>& blocks) const {
  const uint64_t end = uint64_t{part.first_block()} + part.blocks();
  for (uint64_t next = part.first_block(); next < end;) {
    ReadSnapshotBlocksRequest request;
    request.set_tenant(tenant);
    request.set_position(info.position());
    request.set_first_block(static_cast<uint32_t>(next));
    ASSIGN_OR_RETURN(ReadSnapshotBlocksReply reply,
                     Call(&Snapshots::Stub::ReadSnapshotBlocks, request));
    if (reply.blocks().empty()) return DataLoss("the server sent none of the blocks asked for");
    for (std::string& block : *reply.mutable_blocks()) {
      if (next < end) blocks[static_cast<uint32_t>(next++)] = std::move(block);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<AsOfBase>> SnapshotClient::Rep::Read(SnapshotInfo info) const {
  std::map<uint32_t, std::string> blocks;
  for (const SnapshotScope& scope : info.scopes()) {
    for (const SnapshotPart& part : scope.parts()) {
      RETURN_IF_ERROR(ReadPart(info, part, blocks));
    }
  }
  auto base = std::make_unique<ReadBase>(std::move(info), std::move(blocks));
  RETURN_IF_ERROR(base->ForEachRow(
      [](std::string_view, std::string_view, std::string_view) { return absl::OkStatus(); }));
  return std::unique_ptr<AsOfBase>(std::move(base));
}

absl::StatusOr<std::unique_ptr<AsOfBase>> SnapshotClient::Nearest(const ProjectionInfo& view,
                                                                  Position at) {
  FindSnapshotRequest request;
  request.set_tenant(rep_->tenant);
  request.mutable_view()->set_name(view.name);
  request.mutable_view()->set_version(view.version);
  request.mutable_view()->set_row(view.row->full_name());
  while (at > Position()) {
    request.set_at(at.value());
    auto reply = rep_->Call(&Snapshots::Stub::FindSnapshot, request);
    if (absl::IsUnimplemented(reply.status())) return nullptr;
    if (!reply.ok()) return reply.status();
    const SnapshotInfo& info = reply->info();
    if (!reply->found() || info.position() == 0 || info.position() > at.value() ||
        BytesOf(info) > bytes_max) {
      return nullptr;
    }
    at = Position(info.position() - 1);
    auto base = rep_->Read(info);
    // Damaged, or gone meanwhile: the next older one.
    const bool skipped = absl::IsDataLoss(base.status()) || absl::IsNotFound(base.status());
    if (!skipped) return base;
  }
  return nullptr;
}

}  // namespace intentlog
