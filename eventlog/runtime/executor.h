// An Executor runs tasks one at a time, in the order (due, posting number). What is owned by an
// executor is touched by its tasks alone, so it needs no lock.
//
// Thread-safe: any thread may post. Destroying an executor drops what has not started; a task that
// is running finishes first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace intentlog {

using Task = absl::AnyInvocable<void()>;

class Executor {
 public:
  using TimerId = uint64_t;  // 0: none

  virtual ~Executor() = default;
  virtual void Post(Task task) = 0;
  // Runs `task` once `delay` has passed (by the monotonic clock).
  virtual TimerId PostAfter(absl::Duration delay, Task task) = 0;
  // Drops the task if it has not started. Harmless for one that has.
  virtual void Cancel(TimerId timer) = 0;
};

// One thread of its own. `name` (at most 15 bytes) shows in debuggers.
std::unique_ptr<Executor> MakeThreadExecutor(const std::string& name);

}  // namespace intentlog
