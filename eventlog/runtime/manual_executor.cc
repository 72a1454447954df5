#include "eventlog/runtime/manual_executor.h"

#include <algorithm>

#include "eventlog/runtime/check.h"

namespace intentlog {

void ManualExecutor::Post(Task task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  tasks_.emplace(Key{clock_.Passed(), ++posted_}, std::move(task));
}

Executor::TimerId ManualExecutor::PostAfter(absl::Duration delay, Task task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const absl::Duration due = clock_.Passed() + std::max(delay, absl::ZeroDuration());
  const TimerId timer = ++posted_;
  tasks_.emplace(Key{due, timer}, std::move(task));
  due_of_[timer] = due;
  return timer;
}

void ManualExecutor::Cancel(TimerId timer) {
  Task dropped;  // destroyed without the lock: what it holds may call back
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto due = due_of_.find(timer);
  if (due == due_of_.end()) return;
  const auto found = tasks_.find(Key{due->second, timer});
  dropped = std::move(found->second);
  tasks_.erase(found);
  due_of_.erase(due);
}

bool ManualExecutor::RunOne() {
  Task task;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (tasks_.empty() || tasks_.begin()->first.first > clock_.Passed()) return false;
    const auto first = tasks_.begin();
    task = std::move(first->second);
    due_of_.erase(first->first.second);
    tasks_.erase(first);
  }
  task();
  return true;
}

size_t ManualExecutor::RunUntilIdle() {
  size_t ran = 0;
  while (RunOne()) INTENTLOG_CHECK(++ran < kRunawayTasks);
  return ran;
}

size_t ManualExecutor::RunFor(absl::Duration duration) {
  const absl::Duration end = clock_.Passed() + duration;
  size_t ran = RunUntilIdle();
  for (auto due = next_due(); due.has_value() && *due <= end; due = next_due()) {
    clock_.Advance(std::max(*due - clock_.Passed(), absl::ZeroDuration()));
    ran += RunUntilIdle();
  }
  clock_.Advance(std::max(end - clock_.Passed(), absl::ZeroDuration()));
  return ran;
}

bool ManualExecutor::RunUntilEmpty(absl::Duration limit) {
  const absl::Duration end = clock_.Passed() + limit;
  for (auto due = next_due(); due.has_value(); due = next_due()) {
    if (*due > end) return false;
    RunFor(std::max(*due - clock_.Passed(), absl::ZeroDuration()));
  }
  return true;
}

size_t ManualExecutor::pending() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tasks_.size();
}

std::optional<absl::Duration> ManualExecutor::next_due() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (tasks_.empty()) return std::nullopt;
  return tasks_.begin()->first.first;
}

void ManualExecutor::DropAll() {
  std::map<Key, Task> dropped;  // destroyed without the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  dropped.swap(tasks_);
  due_of_.clear();
}

}  // namespace intentlog
