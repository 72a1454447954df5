// What a simulated node runs on: a wall clock of its own, which may be wrong, and executors, which
// may stand still, be slow, or end with the node at any task boundary.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/random.h"

namespace intentlog::simulation {

// Passed time is the world's; wall time is ahead of the world's, drifts, and jumps.
class NodeClock final : public Clock {
 public:
  explicit NodeClock(const ManualClock& world) : world_(world), since_(world.Passed()) {}
  absl::Time WallNow() const override {
    return world_.WallNow() + ahead_ + drift_ * (world_.Passed() - since_);
  }
  absl::Duration Passed() const override { return world_.Passed(); }

  void SetAhead(absl::Duration ahead) { ahead_ = ahead; }
  void Jump(absl::Duration step) { ahead_ += step; }
  // Seconds a second that it is fast.
  void SetDrift(double drift) {
    ahead_ += drift_ * (world_.Passed() - since_);
    since_ = world_.Passed();
    drift_ = drift;
  }

 private:
  const ManualClock& world_;
  absl::Duration since_;
  absl::Duration ahead_;
  double drift_ = 0;
};

// One life of a node's process, from start to crash. Everything that the node does runs here.
class NodeLife : public std::enable_shared_from_this<NodeLife> {
 public:
  // `dead`: called by a task of the world's once the node died within a task of its own.
  NodeLife(Executor& world, std::function<void()> dead) : world_(world), dead_(std::move(dead)) {}

  // Now; later, if the node stands still; never, if it is dead.
  void Run(Task task);
  // As SIGSTOP and SIGCONT: nothing runs meanwhile. What comes runs then, in order. It goes on when
  // it was told so as often as it was stopped.
  void Stop() { ++pauses_; }
  void GoOn();
  // Both, so long apart.
  void Pause(absl::Duration duration);
  // Dies after this many further tasks; 0: does not.
  void DieAfter(uint64_t tasks) { die_after_ = tasks; }
  // Dies where it is: the task at hand ends, but nothing that it does from now on has an effect.
  void Die();
  // The world destroys the node now.
  void End();

  bool dying() const { return dying_; }
  bool runs() const { return alive_ && !dying_; }
  bool paused() const { return pauses_ > 0; }

 private:
  void RunNow(Task& task);

  Executor& world_;
  const std::function<void()> dead_;
  bool alive_ = true;
  bool dying_ = false;
  uint64_t die_after_ = 0;  // 0: does not
  int pauses_ = 0;
  bool resuming_ = false;
  std::deque<Task> deferred_;
};

// One of a node's executors, upon the world's. `delay` says how much later than posted a task of
// this executor runs; null: at once. Tasks keep their order.
class NodeExecutor final : public Executor {
 public:
  using Delay = std::function<absl::Duration()>;
  NodeExecutor(Executor& world, const ManualClock& clock, std::shared_ptr<NodeLife> life,
               Delay delay = nullptr)
      : world_(world), clock_(clock), life_(std::move(life)), delay_(std::move(delay)) {}

  void Post(Task task) override;
  TimerId PostAfter(absl::Duration delay, Task task) override;
  // Also one that is due, and waits until the node goes on.
  void Cancel(TimerId timer) override;

 private:
  Executor& world_;
  const ManualClock& clock_;
  const std::shared_ptr<NodeLife> life_;
  const Delay delay_;
  absl::Duration last_due_;
  std::map<TimerId, std::shared_ptr<Task>> timers_;  // that did not start
};

}  // namespace intentlog::simulation
