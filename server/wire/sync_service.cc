#include "server/wire/sync_service.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Frames below this are copied: cheaper than holding on to them.
constexpr size_t kCopyBytes = 512;

// A slice of the frame's own bytes, which holds the frame for as long as gRPC needs them.
grpc::Slice SliceOf(const SharedFrame& frame) {
  if (frame->size() < kCopyBytes) return grpc::Slice(frame->data(), frame->size());
  auto* held = new SharedFrame(frame);
  return grpc::Slice(
      const_cast<char*>(frame->data()), frame->size(),
      [](void* data) { delete static_cast<SharedFrame*>(data); }, held);
}

grpc::ByteBuffer BufferOf(const SharedFrame& frame) {
  const grpc::Slice slice = SliceOf(frame);
  return grpc::ByteBuffer(&slice, 1);
}

// The buffer's bytes in one piece; copies only where it came in several.
bool SinglePiece(const grpc::ByteBuffer& buffer, grpc::Slice* slice) {
  return buffer.TrySingleSlice(slice).ok() || buffer.DumpToSingleSlice(slice).ok();
}

// Ends a call that is refused.
class Refusal final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Refusal(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

struct SyncService::Shared {
  Shared(Backend& backend_in, const SyncServiceOptions& options_in)
      : backend(backend_in), options(options_in) {}

  // True if one more stream may begin.
  bool Enter() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (stopping || streams >= options.streams_max) return false;
    ++streams;
    return true;
  }
  void Leave() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (--streams == 0) idle.notify_all();
  }

  Backend& backend;
  const SyncServiceOptions options;
  mutable std::mutex mutex;
  std::condition_variable idle;
  size_t streams = 0;     // protected by mutex
  bool stopping = false;  // protected by mutex
};

// One device's stream. It keeps itself alive until gRPC is done with it and the core has let go of
// the connection. Functions whose names begin with On are called by gRPC's threads; all others, and
// all members below, belong to the core.
class SyncService::Stream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public FrameSink,
      public std::enable_shared_from_this<SyncService::Stream> {
 public:
  Stream(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context)
      : shared_(std::move(shared)), core_(shared_->backend.core()), context_(context) {}

  void Start() {
    self_ = shared_from_this();
    core_.Post([self = self_] { self->Begin(); });
  }

  // ---- FrameSink
  void Send(SharedFrame frame) override {
    if (closing_ || frame == nullptr) return;
    unsent_bytes_ += frame->size();
    queue_.push_back(std::move(frame));
    if (unsent_bytes_ > shared_->options.unsent_bytes_max) return Cut();
    WriteNext();
  }
  size_t unsent_bytes() const override { return unsent_bytes_; }
  void InputProcessed() override {
    if (reading_paused_) ReadNextOrPause();
  }
  void Close() override {
    if (closing_) return;
    closing_ = true;
    WriteNext();
    if (finished_) return;
    grace_ =
        core_.PostAfter(shared_->options.close_grace, [self = shared_from_this()] { self->Cut(); });
  }

  // ---- gRPC's threads: post, and nothing else
  void OnReadDone(bool ok) override {
    core_.Post([self = shared_from_this(), ok] { self->TakeRead(ok); });
  }
  void OnWriteDone(bool ok) override {
    core_.Post([self = shared_from_this(), ok] { self->TakeWritten(ok); });
  }
  void OnCancel() override {
    core_.Post([self = shared_from_this()] { self->Broken(); });
  }
  void OnDone() override {
    core_.Post([self = std::move(self_)] { self->End(); });
  }

 private:
  void Begin() {
    if (finished_) return;  // cancelled before it began
    connection_ = shared_->backend.Accept(*this);
    if (!closing_) StartRead(&incoming_);
  }

  void TakeRead(bool ok) {
    if (finished_ || connection_ == nullptr) return;
    if (!ok) {
      // The device ended its side: what was sent still goes out.
      connection_.reset();
      return Close();
    }
    grpc::Slice piece;
    if (!SinglePiece(incoming_, &piece)) return Broken();
    incoming_.Clear();
    connection_->OnFrame(
        std::string_view(reinterpret_cast<const char*>(piece.begin()), piece.size()));
    ReadNextOrPause();
  }

  void ReadNextOrPause() {
    reading_paused_ = false;
    if (closing_ || finished_ || connection_ == nullptr) return;
    if (connection_->unprocessed_bytes() < shared_->options.unprocessed_bytes_max) {
      return StartRead(&incoming_);
    }
    reading_paused_ = true;
  }

  // Begins the next write, or ends the stream after the last.
  void WriteNext() {
    if (writing_ || finished_) return;
    if (queue_.empty()) {
      if (closing_) FinishOnce(grpc::Status::OK);
      return;
    }
    writing_ = true;
    writing_bytes_ = queue_.front()->size();
    outgoing_ = BufferOf(queue_.front());
    queue_.pop_front();
    StartWrite(&outgoing_);
  }

  void TakeWritten(bool ok) {
    writing_ = false;
    unsent_bytes_ -= writing_bytes_;
    outgoing_.Clear();
    if (finished_) return;
    if (!ok) return Broken();
    WriteNext();
    if (connection_ != nullptr && !closing_) connection_->OnWritable();
  }

  // The device is gone, or takes nothing: what is queued is dropped.
  void Cut() {
    if (finished_) return;
    context_->TryCancel();
    Broken();
  }
  void Broken() {
    if (finished_) return;
    closing_ = true;
    queue_.clear();
    FinishOnce(grpc::Status(grpc::StatusCode::CANCELLED, "the stream was cut"));
    // Not at once: the connection may be what called.
    core_.Post([self = shared_from_this()] { self->connection_.reset(); });
  }
  // REQUIRES: not finished. Nothing is started on the stream after it.
  void FinishOnce(grpc::Status status) {
    finished_ = true;
    core_.Cancel(grace_);
    Finish(std::move(status));
  }

  // gRPC is done with the stream: the last task of it.
  void End() {
    finished_ = true;
    core_.Cancel(grace_);
    connection_.reset();
    shared_->Leave();
  }

  const std::shared_ptr<Shared> shared_;
  Executor& core_;
  grpc::CallbackServerContext* const context_;  // valid until OnDone, so until finished_
  std::shared_ptr<Stream> self_;                // until OnDone

  std::unique_ptr<ServerConnection> connection_;
  grpc::ByteBuffer incoming_;  // gRPC's while a read is outstanding
  grpc::ByteBuffer outgoing_;  // gRPC's while writing_
  std::deque<SharedFrame> queue_;
  size_t unsent_bytes_ = 0;
  size_t writing_bytes_ = 0;
  Executor::TimerId grace_ = 0;
  bool writing_ = false;
  bool reading_paused_ = false;
  bool closing_ = false;
  bool finished_ = false;
};

SyncService::SyncService(Backend& backend, const SyncServiceOptions& options)
    : shared_(std::make_shared<Shared>(backend, options)) {}

SyncService::~SyncService() = default;

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SyncService::Connect(
    grpc::CallbackServerContext* context) {
  if (!shared_->Enter()) {
    return new Refusal(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                    "the server takes no further devices now"));
  }
  const auto stream = std::make_shared<Stream>(shared_, context);
  stream->Start();
  return stream.get();
}

void SyncService::StopAccepting() {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  shared_->stopping = true;
}

bool SyncService::WaitUntilIdle(absl::Duration limit) {
  std::unique_lock<std::mutex> lock(shared_->mutex);
  return shared_->idle.wait_for(lock, absl::ToChronoMilliseconds(limit),
                                [&] { return shared_->streams == 0; });
}

size_t SyncService::streams() const {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  return shared_->streams;
}

}  // namespace intentlog
