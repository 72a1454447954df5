#include "server/wire/calls.h"

#include <string>
#include <utility>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

using Answer = std::function<absl::StatusOr<bool>()>;

void AnswerWhenReady(std::shared_ptr<Calls> calls, grpc::ServerUnaryReactor* reactor,
                     Answer answer) {
  absl::StatusOr<bool> done = answer();
  if (done.ok() && !*done) {
    if (!calls->stopping()) {
      Executor& executor = calls->executor();
      const absl::Duration interval = calls->poll_interval();
      executor.PostAfter(interval, [calls = std::move(calls), reactor, answer = std::move(answer)] {
        AnswerWhenReady(calls, reactor, answer);
      });
      return;
    }
    done = Calls::Stopping();
  }
  answer = nullptr;
  reactor->Finish(ToGrpc(done.status()));
  calls->Leave();
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(MessageOf(status)));
}

absl::Status Calls::Enter() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return Stopping();
  if (calls_ >= calls_max_) {
    return Exhausted("the server reads for ", calls_, " calls already; try again later");
  }
  ++calls_;
  return absl::OkStatus();
}

void Calls::Leave() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (--calls_ == 0) idle_.notify_all();
}

void Calls::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
}

bool Calls::WaitUntilIdle(absl::Duration limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  return idle_.wait_for(lock, absl::ToChronoMilliseconds(limit), [&] { return calls_ == 0; });
}

absl::Status Calls::Stopping() { return Unavailable("the server is stopping"); }

grpc::ServerUnaryReactor* Unary(std::shared_ptr<Calls> calls, grpc::CallbackServerContext* context,
                                Answer answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status enter = calls->Enter();
  if (!enter.ok()) {
    reactor->Finish(ToGrpc(enter));
    return reactor;
  }
  Executor& executor = calls->executor();
  executor.Post([calls = std::move(calls), reactor, answer = std::move(answer)] {
    AnswerWhenReady(calls, reactor, answer);
  });
  return reactor;
}

}  // namespace intentlog
