// A streaming call that answers on the executor of its service: a source fills a chunk there, gRPC
// writes it, and so on. So one chunk is in memory for each call, however slow its reader is.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/wire/calls.h"

namespace intentlog {

// What a streaming call does next.
enum class Step { kWrite, kWait, kEnd };

// It keeps itself alive until gRPC is done with it. The source lives and dies on the executor.
template <class Chunk>
class StreamCall final : public grpc::ServerWriteReactor<Chunk>,
                         public std::enable_shared_from_this<StreamCall<Chunk>> {
 public:
  using Source = std::function<absl::StatusOr<Step>(Chunk&)>;

  StreamCall(std::shared_ptr<Calls> calls, Source source)
      : calls_(std::move(calls)), source_(std::move(source)) {}

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
    calls_->executor().Post([self] {
      self->source_ = nullptr;
      self->calls_->Leave();
    });
  }

 private:
  void PostNext() {
    calls_->executor().Post([self = this->shared_from_this()] { self->Next(); });
  }
  void Next() {
    if (cancelled_) return this->Finish(grpc::Status::CANCELLED);
    if (calls_->stopping()) return this->Finish(ToGrpc(Calls::Stopping()));
    chunk_.Clear();
    const absl::StatusOr<Step> step = source_(chunk_);
    if (!step.ok()) return this->Finish(ToGrpc(step.status()));
    switch (*step) {
      case Step::kWrite:
        return this->StartWrite(&chunk_);
      case Step::kEnd:
        return this->Finish(grpc::Status::OK);
      case Step::kWait:
        calls_->executor().PostAfter(calls_->poll_interval(),
                                     [self = this->shared_from_this()] { self->Next(); });
    }
  }

  const std::shared_ptr<Calls> calls_;
  Source source_;
  std::shared_ptr<StreamCall> self_;  // until OnDone
  bool counted_ = true;
  std::atomic<bool> cancelled_ = false;
  Chunk chunk_;
};

template <class Chunk, class Source>
grpc::ServerWriteReactor<Chunk>* Stream(const std::shared_ptr<Calls>& calls, Source source) {
  auto call = std::make_shared<StreamCall<Chunk>>(calls, std::move(source));
  const absl::Status enter = calls->Enter();
  enter.ok() ? call->Start() : call->Refuse(enter);
  return call.get();
}

}  // namespace intentlog
