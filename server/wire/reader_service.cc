#include "server/wire/reader_service.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/wire/calls.h"
#include "server/wire/stream_call.h"
#include "server/wire/view_reads.h"

namespace intentlog {

struct ReaderService::Shared final : public Calls {
  Shared(Backend& backend_in, Executor& executor_in, const ReaderServiceOptions& options_in)
      : Calls(executor_in, options_in.calls_max, options_in.poll_interval),
        backend(backend_in),
        options(options_in) {}

  Backend& backend;
  const ReaderServiceOptions options;
  std::atomic<int> watches = 0;
};

namespace {

// Blocks from a position on; with `follow`, also those that come later.
class EventSource {
 public:
  EventSource(const Backend& backend, const ReadEventsRequest& request)
      : backend_(backend),
        tenant_(request.tenant()),
        follow_(request.follow()),
        next_(request.from() == 0 ? 1 : request.from()),
        end_(request.limit() == 0 || next_ + request.limit() < next_ ? UINT64_MAX
                                                                     : next_ + request.limit()) {}

  absl::StatusOr<Step> Fill(EventChunk& chunk) {
    if (next_ >= end_) return Step::kEnd;
    if (reader_ == nullptr) RETURN_IF_ERROR(Open());
    ASSIGN_OR_RETURN(const bool more, reader_->Next());
    if (!more) {
      // A log is let go of while nothing comes: the server may want to open it again.
      reader_.reset();
      log_.reset();
      return follow_ ? Step::kWait : Step::kEnd;
    }
    const BlockView& block = reader_->block();
    next_ = block.last().value() + 1;
    chunk.set_block(block.bytes().data(), block.bytes().size());
    chunk.set_head(log_->head().position.value());
    return Step::kWrite;
  }

 private:
  absl::Status Open() {
    ASSIGN_OR_RETURN(log_, backend_.Log(tenant_));
    reader_ = log_->Read(Position(next_));
    return absl::OkStatus();
  }

  const Backend& backend_;
  const std::string tenant_;
  const bool follow_;
  uint64_t next_;
  const uint64_t end_;
  std::shared_ptr<const EventLog> log_;
  std::unique_ptr<BlockReader> reader_;
};

}  // namespace

ReaderService::ReaderService(Backend& backend, Executor& executor,
                             const ReaderServiceOptions& options)
    : shared_(std::make_shared<Shared>(backend, executor, options)) {}

ReaderService::~ReaderService() = default;

grpc::ServerWriteReactor<EventChunk>* ReaderService::ReadEvents(
    grpc::CallbackServerContext* /*context*/, const ReadEventsRequest* request) {
  auto source = std::make_shared<EventSource>(shared_->backend, *request);
  return Stream<EventChunk>(shared_, [source](EventChunk& chunk) { return source->Fill(chunk); });
}

grpc::ServerWriteReactor<RowChunk>* ReaderService::DumpView(
    grpc::CallbackServerContext* /*context*/, const DumpViewRequest* request) {
  return Stream<RowChunk>(shared_, DumpSource(shared_->backend, *request, shared_->options));
}

grpc::ServerWriteReactor<WatchChunk>* ReaderService::WatchRows(
    grpc::CallbackServerContext* /*context*/, const WatchRowsRequest* request) {
  // Counted as long as the source lives.
  const std::shared_ptr<int> place(new int(++shared_->watches), [shared = shared_](int* number) {
    --shared->watches;
    delete number;
  });
  const int most = shared_->options.watches_max;
  if (*place > most) {
    return Stream<WatchChunk>(shared_, [most](WatchChunk&) -> absl::StatusOr<Step> {
      return Exhausted("rows are watched by ", most, " calls already; try again later");
    });
  }
  auto source = WatchSource(shared_->backend, *request, shared_->options);
  return Stream<WatchChunk>(shared_, [place, source](WatchChunk& chunk) { return source(chunk); });
}

// Fills the reply once the view has the position that the request names.
template <class Request, class Fill>
grpc::ServerUnaryReactor* ReaderService::AnswerAt(grpc::CallbackServerContext* context,
                                                  const Request& request, const std::string& view,
                                                  Fill fill) {
  auto wait = std::make_shared<PositionWait>(shared_->backend, request.tenant(), view,
                                             request.at_least_position(), request.wait_ms(),
                                             shared_->options);
  return Unary(shared_, context, [wait, fill]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const bool ready, wait->Ready());
    if (ready) RETURN_IF_ERROR(fill());
    return ready;
  });
}

grpc::ServerUnaryReactor* ReaderService::ListViews(grpc::CallbackServerContext* context,
                                                   const ListViewsRequest* request,
                                                   ListViewsReply* reply) {
  return AnswerAt(context, *request, "", [shared = shared_, request, reply] {
    return FillViews(shared->backend, request->tenant(), reply);
  });
}

grpc::ServerUnaryReactor* ReaderService::GetRow(grpc::CallbackServerContext* context,
                                                const GetRowRequest* request, GetRowReply* reply) {
  return AnswerAt(context, *request, request->view(), [shared = shared_, request, reply] {
    return FillRow(shared->backend, *request, reply);
  });
}

grpc::ServerUnaryReactor* ReaderService::ScanRows(grpc::CallbackServerContext* context,
                                                  const ScanRowsRequest* request,
                                                  ScanRowsReply* reply) {
  return AnswerAt(context, *request, request->view(), [shared = shared_, request, reply] {
    return FillPage(shared->backend, *request, shared->options, reply);
  });
}

grpc::ServerUnaryReactor* ReaderService::Stats(grpc::CallbackServerContext* context,
                                               const StatsRequest* request, StatsReply* reply) {
  return Unary(shared_, context, [this, request, reply]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(*reply, shared_->backend.Stats(request->tenant()));
    return true;
  });
}

void ReaderService::Stop() { shared_->Stop(); }

bool ReaderService::WaitUntilIdle(absl::Duration limit) { return shared_->WaitUntilIdle(limit); }

}  // namespace intentlog
