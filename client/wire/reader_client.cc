#include "client/wire/reader_client.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "client/wire/wire_error.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/store.grpc.pb.h"

namespace intentlog {

struct ReaderClient::Rep {
  Rep(const WireOptions& options, std::string tenant_in, absl::Duration timeout_in)
      : address(options.address),
        tenant(std::move(tenant_in)),
        timeout(timeout_in),
        stub(Reader::NewStub(MakeChannel(options))) {}

  void SetDeadline(grpc::ClientContext& context) const { SetDeadline(context, timeout); }
  static void SetDeadline(grpc::ClientContext& context, absl::Duration after) {
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(after));
  }
  absl::Status ToStatus(const grpc::Status& status) const { return WireStatus(address, status); }

  const std::string address;
  const std::string tenant;
  const absl::Duration timeout;
  const std::unique_ptr<Reader::Stub> stub;
};

namespace {

// In a request of a view.
template <class Request>
void Set(const ReadAt& at, Request& request) {
  request.set_at_least_position(at.at_least.value());
  const int64_t millis = absl::ToInt64Milliseconds(absl::Ceil(at.wait, absl::Milliseconds(1)));
  request.set_wait_ms(static_cast<uint32_t>(std::clamp<int64_t>(millis, 0, UINT32_MAX)));
}

}  // namespace

ReaderClient::ReaderClient(const WireOptions& options, std::string tenant, absl::Duration timeout)
    : rep_(std::make_unique<Rep>(options, std::move(tenant), timeout)) {}

ReaderClient::~ReaderClient() = default;

absl::Status ReaderClient::ReadBlocks(const ReadEventsOptions& options,
                                      const TakeBlock& take) const {
  ReadEventsRequest request;
  request.set_tenant(rep_->tenant);
  request.set_from(options.from.value());
  request.set_limit(options.limit);
  request.set_follow(options.follow);
  grpc::ClientContext context;
  if (!options.follow) rep_->SetDeadline(context);
  const auto stream = rep_->stub->ReadEvents(&context, request);
  EventChunk chunk;
  while (stream->Read(&chunk)) {
    absl::StatusOr<BlockView> block = BlockView::Parse(chunk.block());
    absl::Status failed = block.status();
    if (failed.ok() && take(*block, Position(chunk.head()))) continue;
    context.TryCancel();
    while (stream->Read(&chunk)) {
    }
    stream->Finish();
    return failed;
  }
  return rep_->ToStatus(stream->Finish());
}

absl::Status ReaderClient::ReadEvents(const ReadEventsOptions& options,
                                      const TakeEvent& take) const {
  Position next = options.from.value() == 0 ? Position(1) : options.from;
  uint64_t left = options.limit == 0 ? UINT64_MAX : options.limit;
  absl::Status failed;
  const absl::Status read = ReadBlocks(options, [&](const BlockView& block, Position head) {
    for (size_t i = 0; i < block.size() && left > 0; ++i) {
      const EventRef event = block.event(i);
      if (event.position < next) continue;
      if (event.position != next) {
        failed =
            DataLoss("the server sent position ", event.position, " where ", next, " was next");
        return false;
      }
      next = next.Next();
      --left;
      if (!take(event, head)) return false;
    }
    return left > 0;
  });
  return failed.ok() ? read : failed;
}

absl::StatusOr<ListViewsReply> ReaderClient::ListViews(const ReadAt& at) const {
  ListViewsRequest request;
  request.set_tenant(rep_->tenant);
  Set(at, request);
  grpc::ClientContext context;
  rep_->SetDeadline(context);
  ListViewsReply reply;
  RETURN_IF_ERROR(rep_->ToStatus(rep_->stub->ListViews(&context, request, &reply)));
  return reply;
}

absl::StatusOr<Position> ReaderClient::DumpView(const std::string& view, const ReadAt& at,
                                                const TakeRow& take) const {
  DumpViewRequest request;
  request.set_tenant(rep_->tenant);
  request.set_view(view);
  Set(at, request);
  grpc::ClientContext context;
  rep_->SetDeadline(context);
  const auto stream = rep_->stub->DumpView(&context, request);
  Position position;
  absl::Status taken;
  RowChunk chunk;
  while (stream->Read(&chunk)) {
    position = Position(chunk.position());
    for (const KeyedRow& row : chunk.rows()) {
      if (taken.ok()) taken = take(row.key(), row.row());
    }
    if (!taken.ok()) context.TryCancel();
  }
  const absl::Status end = rep_->ToStatus(stream->Finish());
  RETURN_IF_ERROR(taken);
  RETURN_IF_ERROR(end);
  return position;
}

absl::StatusOr<GetRowReply> ReaderClient::GetRow(const std::string& view, const std::string& key,
                                                 const ReadAt& at) const {
  GetRowRequest request;
  request.set_tenant(rep_->tenant);
  request.set_view(view);
  request.set_key(key);
  Set(at, request);
  grpc::ClientContext context;
  rep_->SetDeadline(context);
  GetRowReply reply;
  RETURN_IF_ERROR(rep_->ToStatus(rep_->stub->GetRow(&context, request, &reply)));
  return reply;
}

absl::StatusOr<ScanRowsReply> ReaderClient::ScanRows(const std::string& view,
                                                     const ScanRowsOptions& options) const {
  ScanRowsRequest request;
  request.set_tenant(rep_->tenant);
  request.set_view(view);
  request.set_index(options.index);
  request.set_from(options.from);
  request.set_to(options.to);
  request.set_prefix(options.prefix);
  request.set_limit(options.limit);
  request.set_after(options.after);
  Set(options.at, request);
  grpc::ClientContext context;
  rep_->SetDeadline(context);
  ScanRowsReply reply;
  RETURN_IF_ERROR(rep_->ToStatus(rep_->stub->ScanRows(&context, request, &reply)));
  return reply;
}

absl::Status ReaderClient::WatchRows(const std::string& view, const WatchRowsOptions& options,
                                     const TakeChunk& take) const {
  WatchRowsRequest request;
  request.set_tenant(rep_->tenant);
  request.set_view(view);
  request.set_prefix(options.prefix);
  request.set_only_changes(options.only_changes);
  request.set_keys_max(options.keys_max);
  Set(options.at, request);
  grpc::ClientContext context;
  const bool ends = options.duration < absl::InfiniteDuration();
  const auto begin = std::chrono::system_clock::now();
  if (ends) Rep::SetDeadline(context, options.duration);
  const auto stream = rep_->stub->WatchRows(&context, request);
  bool wanted = true;
  WatchChunk chunk;
  while (stream->Read(&chunk)) {
    if (wanted) wanted = take(chunk);
    if (!wanted) context.TryCancel();
  }
  const grpc::Status end = stream->Finish();
  const auto passed = absl::FromChrono(std::chrono::system_clock::now() - begin);
  const bool over = passed >= options.duration;
  if (!wanted || (over && end.error_code() == grpc::DEADLINE_EXCEEDED)) return absl::OkStatus();
  return rep_->ToStatus(end);
}

absl::StatusOr<StatsReply> ReaderClient::Stats() const {
  StatsRequest request;
  request.set_tenant(rep_->tenant);
  grpc::ClientContext context;
  rep_->SetDeadline(context);
  StatsReply reply;
  RETURN_IF_ERROR(rep_->ToStatus(rep_->stub->Stats(&context, request, &reply)));
  return reply;
}

}  // namespace intentlog
