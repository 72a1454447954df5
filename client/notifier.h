// A Notifier calls back on an executor, once for all that was noted before. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "eventlog/runtime/executor.h"

namespace intentlog {

class Notifier : public std::enable_shared_from_this<Notifier> {
 public:
  explicit Notifier(Executor& executor) : executor_(executor) {}

  void Set(std::function<void()> callback) {
    auto shared = std::make_shared<const std::function<void()>>(std::move(callback));
    const std::lock_guard<std::mutex> lock(mutex_);
    callback_ = std::move(shared);
  }
  void Note() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (posted_ || callback_ == nullptr || !*callback_) return;
    posted_ = true;
    executor_.Post([self = shared_from_this()] { self->Call(); });
  }
  // Calls nobody any more, but for a call that is running.
  void Close() { Set(nullptr); }

 private:
  void Call() {
    std::shared_ptr<const std::function<void()>> callback;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      posted_ = false;
      callback = callback_;
    }
    if (callback != nullptr && *callback) (*callback)();
  }

  Executor& executor_;
  std::mutex mutex_;
  bool posted_ = false;                                    // protected by mutex_
  std::shared_ptr<const std::function<void()>> callback_;  // protected by mutex_
};

}  // namespace intentlog
