#include "eventlog/runtime/executor.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"

namespace intentlog {
namespace {

// Tasks without delay lie in a deque, which is in order because passed time never falls; timers lie
// in a map. What runs next is the smaller of the two first ones.
class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(const std::string& name) : thread_([this] { Run(); }) {
    pthread_setname_np(thread_.native_handle(), name.substr(0, kNameSizeMax).c_str());
  }

  ~ThreadExecutor() override {
    INTENTLOG_CHECK(std::this_thread::get_id() != thread_.get_id());
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    DropAll();
  }

  void Post(Task task) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return;
      ready_.push_back({Key{SystemClock().Passed(), ++posted_}, std::move(task)});
    }
    wake_.notify_one();
  }

  TimerId PostAfter(absl::Duration delay, Task task) override {
    TimerId timer = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return 0;
      timer = ++posted_;
      const absl::Duration due = SystemClock().Passed() + std::max(delay, absl::ZeroDuration());
      timers_.emplace(Key{due, timer}, std::move(task));
      due_of_[timer] = due;
    }
    wake_.notify_one();
    return timer;
  }

  void Cancel(TimerId timer) override {
    Task dropped;  // destroyed without the lock: what it holds may call back
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto due = due_of_.find(timer);
    if (due == due_of_.end()) return;
    const auto found = timers_.find(Key{due->second, timer});
    dropped = std::move(found->second);
    timers_.erase(found);
    due_of_.erase(due);
  }

 private:
  static constexpr size_t kNameSizeMax = 15;
  using Key = std::pair<absl::Duration, uint64_t>;  // due, posting number
  struct Ready {
    Key key;
    Task task;
  };

  void Run() {
    for (;;) {
      Task task = Take();
      if (!task) return;
      std::move(task)();
    }
  }

  // Waits for the next task that is due. Empty: stopping.
  Task Take() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      if (stopping_) return nullptr;
      const bool timer_first =
          !timers_.empty() && (ready_.empty() || timers_.begin()->first < ready_.front().key);
      if (!timer_first && !ready_.empty()) return TakeReady();
      if (!timer_first) {
        wake_.wait(lock);
        continue;
      }
      const absl::Duration wait = timers_.begin()->first.first - SystemClock().Passed();
      if (wait <= absl::ZeroDuration()) return TakeTimer();
      wake_.wait_for(lock, absl::ToChronoNanoseconds(std::min(wait, absl::Hours(1))));
    }
  }

  Task TakeReady() {
    Task task = std::move(ready_.front().task);
    ready_.pop_front();
    return task;
  }

  Task TakeTimer() {
    const auto first = timers_.begin();
    Task task = std::move(first->second);
    due_of_.erase(first->first.second);
    timers_.erase(first);
    return task;
  }

  // Destroying a task may post another, which stopping_ refuses, so the lock is not held.
  void DropAll() {
    std::deque<Ready> ready;
    std::map<Key, Task> timers;
    const std::lock_guard<std::mutex> lock(mutex_);
    ready.swap(ready_);
    timers.swap(timers_);
    due_of_.clear();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  // Protected by mutex_:
  bool stopping_ = false;
  uint64_t posted_ = 0;
  std::deque<Ready> ready_;
  std::map<Key, Task> timers_;
  std::unordered_map<TimerId, absl::Duration> due_of_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Executor> MakeThreadExecutor(const std::string& name) {
  return std::make_unique<ThreadExecutor>(name);
}

}  // namespace intentlog
