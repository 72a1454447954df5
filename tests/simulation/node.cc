#include "tests/simulation/node.h"

#include <algorithm>
#include <utility>

namespace intentlog::simulation {

void NodeLife::Run(Task task) {
  if (!runs()) return;
  if (paused() || resuming_) return deferred_.push_back(std::move(task));
  RunNow(task);
}

void NodeLife::RunNow(Task& task) {
  task();
  if (die_after_ > 0 && --die_after_ == 0) Die();
}

void NodeLife::Pause(absl::Duration duration) {
  if (duration <= absl::ZeroDuration()) return;
  Stop();
  world_.PostAfter(duration, [self = shared_from_this()] { self->GoOn(); });
}

void NodeLife::GoOn() {
  --pauses_;
  if (resuming_) return;
  resuming_ = true;
  while (runs() && !paused() && !deferred_.empty()) {
    Task task = std::move(deferred_.front());
    deferred_.pop_front();
    RunNow(task);
  }
  resuming_ = false;
}

void NodeLife::Die() {
  if (!runs()) return;
  dying_ = true;
  world_.Post([self = shared_from_this()] {
    if (self->alive_) self->dead_();
  });
}

void NodeLife::End() {
  alive_ = false;
  const std::deque<Task> dropped = std::exchange(deferred_, {});  // what they hold may call back
}

void NodeExecutor::Post(Task task) {
  Task guarded = [life = life_, task = std::move(task)]() mutable { life->Run(std::move(task)); };
  if (!delay_) return world_.Post(std::move(guarded));
  last_due_ = std::max(last_due_, clock_.Passed() + delay_());
  world_.PostAfter(last_due_ - clock_.Passed(), std::move(guarded));
}

Executor::TimerId NodeExecutor::PostAfter(absl::Duration delay, Task task) {
  auto kept = std::make_shared<Task>(std::move(task));
  auto id = std::make_shared<TimerId>(0);
  *id = world_.PostAfter(delay, [this, life = life_, kept, id] {
    life->Run([this, kept, id] {
      timers_.erase(*id);
      if (*kept == nullptr) return;
      Task run = std::exchange(*kept, nullptr);
      run();
    });
  });
  timers_[*id] = std::move(kept);
  return *id;
}

void NodeExecutor::Cancel(TimerId timer) {
  world_.Cancel(timer);
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  const Task dropped = std::exchange(*found->second, nullptr);
  timers_.erase(timer);
}

}  // namespace intentlog::simulation
