#include "client/wire/grpc_connector.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "client/wire/wire_error.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr char kConnect[] = "/intentlog.DeviceSync/Connect";
// How long the end of a connector waits for gRPC. Cancelled calls end at once.
constexpr std::chrono::seconds kEndWait(10);

grpc::ByteBuffer BufferOf(std::string bytes) {
  auto* held = new std::string(std::move(bytes));
  const grpc::Slice slice(
      held->data(), held->size(), [](void* data) { delete static_cast<std::string*>(data); }, held);
  return grpc::ByteBuffer(&slice, 1);
}

bool BytesOf(const grpc::ByteBuffer& buffer, std::string* bytes) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return false;
  bytes->reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes->append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return true;
}

}  // namespace

// What outlives a call. A call that gRPC is done with is destroyed here and not by gRPC's thread,
// which would wait for its own end with the last connection.
struct GrpcConnector::Calls {
  void Enter() {
    const std::lock_guard<std::mutex> lock(mutex);
    ++running;
  }
  void Leave(std::shared_ptr<void> call) {
    const std::lock_guard<std::mutex> lock(mutex);
    ended.push_back(std::move(call));
    if (--running == 0) idle.notify_all();
  }
  void Sweep() {
    std::vector<std::shared_ptr<void>> gone;
    const std::lock_guard<std::mutex> lock(mutex);
    gone.swap(ended);
  }
  bool Wait() {
    std::unique_lock<std::mutex> lock(mutex);
    return idle.wait_for(lock, kEndWait, [this] { return running == 0; });
  }

  std::mutex mutex;
  std::condition_variable idle;
  int running = 0;                           // protected by mutex
  std::vector<std::shared_ptr<void>> ended;  // protected by mutex
};

namespace {

// One stream. It keeps itself alive until OnDone. Functions whose names begin with On are called by
// gRPC's threads, all others by the owner: on the executor, or when that runs nothing more.
class Call final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                   public std::enable_shared_from_this<Call> {
 public:
  using Ended = std::function<void(std::shared_ptr<void>)>;

  Call(const WireOptions& options, Executor& executor, ChannelListener& listener, Ended ended)
      : options_(options), ended_(std::move(ended)), listener_(&listener), executor_(&executor) {}

  void Start() {
    self_ = shared_from_this();
    grpc::GenericStub stub(MakeChannel(options_));
    stub.PrepareBidiStreamingCall(&context_, kConnect, {}, this);
    AddHold();  // writes and reads begin outside of gRPC's threads
    StartCall();
    StartRead(&incoming_);
  }

  void Send(std::string bytes) {
    if (closing_ || stopped_) return;
    unsent_bytes_ += bytes.size();
    queue_.push_back(std::move(bytes));
    WriteNext();
  }
  size_t unsent_bytes() const { return unsent_bytes_; }
  void Close() {
    if (closing_ || stopped_) return;
    closing_ = true;
    WriteNext();
  }
  // The owner wants to hear nothing more.
  void Detach() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      executor_ = nullptr;
    }
    listener_ = nullptr;
    context_.TryCancel();
    Stop();
  }

  void OnReadDone(bool ok) override {
    std::string bytes;
    if (!ok || !BytesOf(incoming_, &bytes)) {
      return Post([](Call& call) { call.Stop(); });
    }
    incoming_.Clear();
    const size_t size = bytes.size();
    const bool more = CountReceived(size);
    Post([bytes = std::move(bytes), size](Call& call) mutable {
      if (call.listener_ != nullptr) call.listener_->OnFrame(std::move(bytes));
      call.TakeProcessed(size);
    });
    if (more) StartRead(&incoming_);
  }
  void OnWriteDone(bool /*ok*/) override {
    Post([](Call& call) { call.TakeWritten(); });
  }
  void OnDone(const grpc::Status& status) override {
    Post([closed = WireStatus(options_.address, status)](Call& call) {
      // The listener may destroy the channel, and so detach, in here.
      if (call.listener_ != nullptr) std::exchange(call.listener_, nullptr)->OnClosed(closed);
    });
    const Ended ended = std::move(ended_);
    ended(std::move(self_));
  }

 private:
  template <class Action>
  void Post(Action action) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (executor_ == nullptr) return;
    executor_->Post(
        [self = shared_from_this(), action = std::move(action)]() mutable { action(*self); });
  }

  // Whether to read on at once.
  bool CountReceived(size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    received_bytes_ += bytes;
    // Detached: nobody will take what is read, and the cancelled call ends by itself.
    reading_paused_ = received_bytes_ > options_.read_ahead_bytes_max || executor_ == nullptr;
    return !reading_paused_;
  }
  void TakeProcessed(size_t bytes) {
    bool resume = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      received_bytes_ -= bytes;
      resume = reading_paused_ && !stopped_ && received_bytes_ <= options_.read_ahead_bytes_max;
      if (resume) reading_paused_ = false;
    }
    if (resume) StartRead(&incoming_);
  }

  void WriteNext() {
    if (writing_ || stopped_) return;
    if (queue_.empty()) {
      if (closing_ && !half_closed_) {
        half_closed_ = true;
        StartWritesDone();
      }
      return;
    }
    writing_ = true;
    writing_bytes_ = queue_.front().size();
    outgoing_ = BufferOf(std::move(queue_.front()));
    queue_.pop_front();
    StartWrite(&outgoing_);
  }
  void TakeWritten() {
    writing_ = false;
    unsent_bytes_ -= writing_bytes_;
    outgoing_.Clear();
    WriteNext();
    if (listener_ != nullptr && !stopped_) listener_->OnWritable();
  }
  // Nothing is started on the stream after it.
  void Stop() {
    if (stopped_) return;
    stopped_ = true;
    queue_.clear();
    RemoveHold();
  }

  const WireOptions options_;
  Ended ended_;
  grpc::ClientContext context_;
  std::shared_ptr<Call> self_;  // until OnDone

  // The owner's.
  ChannelListener* listener_;  // null: detached, or told that it is over
  std::deque<std::string> queue_;
  size_t unsent_bytes_ = 0;
  size_t writing_bytes_ = 0;
  bool writing_ = false;
  bool closing_ = false;
  bool half_closed_ = false;
  bool stopped_ = false;
  grpc::ByteBuffer outgoing_;  // gRPC's while writing_

  grpc::ByteBuffer incoming_;  // gRPC's while a read is outstanding

  std::mutex mutex_;
  Executor* executor_;           // protected by mutex_ against gRPC's threads; null: detached
  size_t received_bytes_ = 0;    // protected by mutex_
  bool reading_paused_ = false;  // protected by mutex_
};

class GrpcChannel final : public Channel {
 public:
  explicit GrpcChannel(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~GrpcChannel() override { call_->Detach(); }
  void Send(std::string bytes) override { call_->Send(std::move(bytes)); }
  size_t unsent_bytes() const override { return call_->unsent_bytes(); }
  void Close() override { call_->Close(); }

 private:
  const std::shared_ptr<Call> call_;
};

}  // namespace

GrpcConnector::GrpcConnector(const WireOptions& options, Executor& executor)
    : options_(options), executor_(executor), calls_(std::make_shared<Calls>()) {}

GrpcConnector::~GrpcConnector() {
  calls_->Wait();
  calls_->Sweep();
}

std::unique_ptr<Channel> GrpcConnector::Connect(ChannelListener& listener) {
  calls_->Sweep();
  calls_->Enter();
  auto call = std::make_shared<Call>(
      options_, executor_, listener,
      [calls = calls_](std::shared_ptr<void> ended) { calls->Leave(std::move(ended)); });
  call->Start();
  return std::make_unique<GrpcChannel>(std::move(call));
}

}  // namespace intentlog
