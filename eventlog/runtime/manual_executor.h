// A ManualExecutor is an Executor whose tasks run when a test says so, on the thread that says it.
// Time is a ManualClock's, so an hour of timers takes no time. Any thread may post; one runs.
//
//   ManualClock clock;
//   ManualExecutor executor(clock);
//   executor.PostAfter(absl::Seconds(5), [&] { ++retries; });
//   executor.RunUntilIdle();              // nothing: not due
//   executor.RunFor(absl::Seconds(5));    // retries == 1
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/manual_clock.h"

namespace intentlog {

class ManualExecutor final : public Executor {
 public:
  // `clock` must outlive the executor. Several executors may share one.
  explicit ManualExecutor(ManualClock& clock) : clock_(clock) {}

  void Post(Task task) override;
  TimerId PostAfter(absl::Duration delay, Task task) override;
  void Cancel(TimerId timer) override;

  // Runs the first task if it is due now. False: none is.
  bool RunOne();
  // Runs all that is due now, and what that posts without delay. No time passes. Returns how many
  // ran. CHECK-fails after kRunawayTasks, because a task then posts itself for ever.
  size_t RunUntilIdle();
  // Lets `duration` pass, from one due task to the next, and runs each when it is due.
  size_t RunFor(absl::Duration duration);
  // Lets time pass until nothing is pending or `limit` is reached. False: something still is.
  bool RunUntilEmpty(absl::Duration limit);

  // Tasks and timers that have not started.
  size_t pending() const;
  // When the first of them is due, in the clock's passed time; nothing if there is none.
  std::optional<absl::Duration> next_due() const;
  // Drops them all, as a crash does.
  void DropAll();

  static constexpr size_t kRunawayTasks = 50'000'000;

 private:
  using Key = std::pair<absl::Duration, uint64_t>;  // due, posting number

  ManualClock& clock_;
  mutable std::mutex mutex_;
  uint64_t posted_ = 0;                       // protected by mutex_
  std::map<Key, Task> tasks_;                 // protected by mutex_
  std::map<TimerId, absl::Duration> due_of_;  // protected by mutex_; of timers
};

}  // namespace intentlog
