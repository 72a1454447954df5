// The calls in progress of one gRPC service that answers on an executor of its own: how many there
// may be, and how they all come to an end.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eventlog/runtime/executor.h"

namespace intentlog {

grpc::Status ToGrpc(const absl::Status& status);

// Thread-safe. Shared by the calls, which may outlive the service.
class Calls {
 public:
  // `executor` may block, and must outlive every call. A call that waits is asked again each
  // `poll_interval`.
  Calls(Executor& executor, int calls_max, absl::Duration poll_interval)
      : executor_(executor), calls_max_(calls_max), poll_interval_(poll_interval) {}

  // OK if one more call may begin: RESOURCE_EXHAUSTED, UNAVAILABLE while stopping.
  absl::Status Enter();
  void Leave();

  // Ends the calls that wait, and refuses new ones.
  void Stop();
  // Blocks until every call is over; false if that takes longer than `limit`.
  bool WaitUntilIdle(absl::Duration limit);

  bool stopping() const { return stopping_; }
  // UNAVAILABLE: what a call is told that Stop ended.
  static absl::Status Stopping();
  Executor& executor() const { return executor_; }
  absl::Duration poll_interval() const { return poll_interval_; }

 private:
  Executor& executor_;
  const int calls_max_;
  const absl::Duration poll_interval_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int calls_ = 0;  // protected by mutex_
  std::atomic<bool> stopping_ = false;
};

// A call with one reply: `answer` runs on the executor, again while it gives false.
grpc::ServerUnaryReactor* Unary(std::shared_ptr<Calls> calls, grpc::CallbackServerContext* context,
                                std::function<absl::StatusOr<bool>()> answer);

}  // namespace intentlog
