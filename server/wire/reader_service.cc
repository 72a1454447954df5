#include "server/wire/reader_service.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "server/wire/calls.h"

namespace intentlog {
struct ReaderService::Shared final : public Calls {
  Shared(Backend& backend_in, Executor& executor_in, const ReaderServiceOptions& options_in)
      : Calls(executor_in, options_in.calls_max, options_in.poll_interval),
        backend(backend_in),
        options(options_in) {}

  Backend& backend;
  const ReaderServiceOptions options;
};

namespace {

// What waits until a read model has a position. Asked again each poll_interval.
class PositionWait {
 public:
  PositionWait(const Backend& backend, std::string tenant, uint64_t position, absl::Duration limit,
               absl::Duration step)
      : backend_(backend),
        tenant_(std::move(tenant)),
        position_(position),
        left_(limit),
        step_(step) {}

  // True once the position is there. DEADLINE_EXCEEDED says how far the read model is.
  absl::StatusOr<bool> Ready() {
    const Position now = backend_.ViewPosition(tenant_);
    if (now.value() >= position_) return true;
    if (left_ <= absl::ZeroDuration()) {
      return StatusOf(absl::StatusCode::kDeadlineExceeded, "the read model is at position ", now,
                      ", not yet at ", position_);
    }
    left_ -= step_;
    return false;
  }

 private:
  const Backend& backend_;
  const std::string tenant_;
  const uint64_t position_;
  absl::Duration left_;
  const absl::Duration step_;
};

// What a streaming call does next.
enum class Step { kWrite, kWait, kEnd };

// A streaming call: a source fills a chunk on the reader's executor, gRPC writes it, and so on. It
// keeps itself alive until gRPC is done with it.
template <class Shared, class Chunk>
class StreamCall final : public grpc::ServerWriteReactor<Chunk>,
                         public std::enable_shared_from_this<StreamCall<Shared, Chunk>> {
 public:
  using Source = std::function<absl::StatusOr<Step>(Chunk&)>;

  StreamCall(std::shared_ptr<Shared> shared, Source source)
      : shared_(std::move(shared)), source_(std::move(source)) {}

  void Start() {
    self_ = this->shared_from_this();
    PostNext();
  }
  void Refuse(const absl::Status& status) {
    self_ = this->shared_from_this();
    counted_ = false;
    this->Finish(ToGrpc(status));
  }

  void OnWriteDone(bool ok) override {
    if (!ok) cancelled_ = true;
    PostNext();
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override {
    const auto self = std::move(self_);
    if (!counted_) return;
    // The source lets go of the log where it was used.
    shared_->executor().Post([self] {
      self->source_ = nullptr;
      self->shared_->Leave();
    });
  }

 private:
  void PostNext() {
    shared_->executor().Post([self = this->shared_from_this()] { self->Next(); });
  }
  void Next() {
    if (cancelled_) return this->Finish(grpc::Status::CANCELLED);
    if (shared_->stopping()) return this->Finish(ToGrpc(Calls::Stopping()));
    chunk_.Clear();
    const absl::StatusOr<Step> step = source_(chunk_);
    if (!step.ok()) return this->Finish(ToGrpc(step.status()));
    switch (*step) {
      case Step::kWrite:
        return this->StartWrite(&chunk_);
      case Step::kEnd:
        return this->Finish(grpc::Status::OK);
      case Step::kWait:
        shared_->executor().PostAfter(shared_->options.poll_interval,
                                      [self = this->shared_from_this()] { self->Next(); });
    }
  }

  const std::shared_ptr<Shared> shared_;
  Source source_;
  std::shared_ptr<StreamCall> self_;  // until OnDone
  bool counted_ = true;
  std::atomic<bool> cancelled_ = false;
  Chunk chunk_;
};

template <class Chunk, class Shared, class Source>
grpc::ServerWriteReactor<Chunk>* Stream(const std::shared_ptr<Shared>& shared, Source source) {
  auto call = std::make_shared<StreamCall<Shared, Chunk>>(shared, std::move(source));
  const absl::Status enter = shared->Enter();
  enter.ok() ? call->Start() : call->Refuse(enter);
  return call.get();
}

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

// A view's merged rows, once it has the position that was asked for.
class RowSource {
 public:
  RowSource(const Backend& backend, const DumpViewRequest& request,
            const ReaderServiceOptions& options)
      : backend_(backend),
        tenant_(request.tenant()),
        view_(request.view()),
        chunk_bytes_(options.chunk_bytes),
        wait_(backend, tenant_, request.at_least_position(), options.position_wait_max,
              options.poll_interval) {}

  absl::StatusOr<Step> Fill(RowChunk& chunk) {
    if (ended_) return Step::kEnd;
    if (cursor_ == nullptr) {
      ASSIGN_OR_RETURN(models_, backend_.Models(tenant_));
      ASSIGN_OR_RETURN(const bool ready, wait_.Ready());
      if (!ready) return Step::kWait;
      RETURN_IF_ERROR(Open());
    }
    chunk.set_position(position_.value());
    for (size_t bytes = 0; bytes < chunk_bytes_;) {
      ASSIGN_OR_RETURN(const MergedRow* row, cursor_->Next());
      ended_ = row == nullptr;
      if (ended_) break;
      KeyedRow* out = chunk.add_rows();
      out->set_key(row->key);
      out->set_row(RowBytes(row->row));
      bytes += out->key().size() + out->row().size() + 8;
    }
    return Step::kWrite;  // also when empty: it tells the position
  }

 private:
  // The position is exactly that of the rows: also while more is folded, and of a view that is
  // shown but not folded any more.
  absl::Status Open() {
    while (true) {
      position_ = models_->IsFolded(view_) ? backend_.ViewPosition(tenant_) : Position();
      ASSIGN_OR_RETURN(const Position before, models_->Latest(view_));
      ASSIGN_OR_RETURN(cursor_, models_->Scan(view_));
      ASSIGN_OR_RETURN(const Position after, models_->Latest(view_));
      position_ = std::max(position_, after);
      if (before == after) return absl::OkStatus();
    }
  }

  const Backend& backend_;
  const std::string tenant_;
  const std::string view_;
  const size_t chunk_bytes_;
  PositionWait wait_;
  Position position_;
  bool ended_ = false;
  std::shared_ptr<const ReadModels> models_;
  std::unique_ptr<RowCursor> cursor_;
};

absl::Status FillViews(const Backend& backend, const std::string& tenant, ListViewsReply* reply) {
  ASSIGN_OR_RETURN(const auto models, backend.Models(tenant));
  reply->set_position(backend.ViewPosition(tenant).value());
  for (const auto& projection : models->projections()) {
    const ProjectionInfo info = projection->info();
    ViewInfo* view = reply->add_views();
    view->set_name(info.name);
    view->set_version(models->ShownVersion(info.name));
    ASSIGN_OR_RETURN(const std::vector<ScopeState> scopes, models->Scopes(info.name));
    for (const ScopeState& state : scopes) {
      ScopeDigest* out = view->add_scopes();
      out->set_scope(state.scope);
      out->set_position(state.position.value());
      out->set_digest(state.digest.Bytes());
      out->set_rows(state.rows);
      out->set_parked(state.parked);
    }
  }
  return absl::OkStatus();
}

absl::Status FillRow(const Backend& backend, const GetRowRequest& request, GetRowReply* reply) {
  ASSIGN_OR_RETURN(const auto models, backend.Models(request.tenant()));
  reply->set_position(backend.ViewPosition(request.tenant()).value());
  ASSIGN_OR_RETURN(const std::optional<Row> row, models->Get(request.view(), request.key()));
  if (!row.has_value() || !row->exists()) return absl::OkStatus();
  reply->set_found(true);
  reply->set_row(RowBytes(*row));
  return absl::OkStatus();
}

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
  auto source = std::make_shared<RowSource>(shared_->backend, *request, shared_->options);
  return Stream<RowChunk>(shared_, [source](RowChunk& chunk) { return source->Fill(chunk); });
}

grpc::ServerUnaryReactor* ReaderService::ListViews(grpc::CallbackServerContext* context,
                                                   const ListViewsRequest* request,
                                                   ListViewsReply* reply) {
  return Unary(shared_, context, [this, request, reply]() -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(FillViews(shared_->backend, request->tenant(), reply));
    return true;
  });
}

grpc::ServerUnaryReactor* ReaderService::GetRow(grpc::CallbackServerContext* context,
                                                const GetRowRequest* request, GetRowReply* reply) {
  auto wait = std::make_shared<PositionWait>(
      shared_->backend, request->tenant(), request->at_least_position(),
      shared_->options.position_wait_max, shared_->options.poll_interval);
  return Unary(shared_, context, [this, request, reply, wait]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const bool ready, wait->Ready());
    if (ready) RETURN_IF_ERROR(FillRow(shared_->backend, *request, reply));
    return ready;
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
