#include "tools/bench/raw_stream.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "client/wire/channel_settings.h"
#include "eventlog/runtime/text.h"

namespace intentlog::bench {

grpc::ByteBuffer ToMessage(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

namespace {

std::string_view ViewOf(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

}  // namespace

class RawStream::Call final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Call(const std::string& address, OnMessage on_message, OnEnd on_end)
      : on_message_(std::move(on_message)),
        on_end_(std::move(on_end)),
        stub_(MakeChannel({.address = address})) {}

  void Start(const std::string& method) {
    stub_.PrepareBidiStreamingCall(&context_, method, {}, this);
    AddHold();  // writes begin outside of gRPC's threads
    StartRead(&incoming_);
    StartCall();
  }
  void Write(grpc::ByteBuffer message) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) return;
    queue_.push_back(std::move(message));
    if (!writing_) WriteNext();
  }
  void CutAndWait() {
    context_.TryCancel();
    std::unique_lock<std::mutex> lock(mutex_);
    done_changed_.wait(lock, [this] { return done_; });
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
      return RemoveHold();
    }
    on_message_(Received());
    incoming_.Clear();
    StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (ok && !ended_ && !queue_.empty()) WriteNext();
  }
  void OnDone(const grpc::Status& status) override {
    on_end_(status.ok() ? absl::OkStatus() : Unavailable("stream: ", status.error_message()));
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    done_changed_.notify_all();
  }

 private:
  // The message in one piece; valid until the next one. Its pieces are put together in a buffer
  // that stays: memory of its own for each message costs more than the copy.
  std::string_view Received() {
    if (incoming_.TrySingleSlice(&piece_).ok()) return ViewOf(piece_);
    assembled_.clear();
    if (incoming_.Dump(&pieces_).ok()) {
      for (const grpc::Slice& piece : pieces_) assembled_.append(ViewOf(piece));
    }
    pieces_.clear();
    return assembled_;
  }
  // REQUIRES: mutex_ is held, not writing, something is queued.
  void WriteNext() {
    writing_ = true;
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    StartWrite(&outgoing_);
  }

  const OnMessage on_message_;
  const OnEnd on_end_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;  // gRPC's while a read is outstanding
  grpc::Slice piece_;
  std::vector<grpc::Slice> pieces_;
  std::string assembled_;
  grpc::ByteBuffer outgoing_;  // gRPC's while writing_

  std::mutex mutex_;
  std::condition_variable done_changed_;
  std::deque<grpc::ByteBuffer> queue_;  // protected by mutex_
  bool writing_ = false;                // protected by mutex_
  bool ended_ = false;                  // protected by mutex_; nothing is started any more
  bool done_ = false;                   // protected by mutex_
};

RawStream::RawStream(const std::string& address, const std::string& method, OnMessage on_message,
                     OnEnd on_end)
    : call_(std::make_unique<Call>(address, std::move(on_message), std::move(on_end))) {
  call_->Start(method);
}

RawStream::~RawStream() { call_->CutAndWait(); }

void RawStream::Write(grpc::ByteBuffer message) { call_->Write(std::move(message)); }

}  // namespace intentlog::bench
