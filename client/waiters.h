// Waiters ask again, on an executor, whether what each of them waits for has come.
//
// Thread-safe. Questions are asked one at a time, without any lock, and may add others.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "eventlog/runtime/executor.h"

namespace intentlog {

class Waiters : public std::enable_shared_from_this<Waiters> {
 public:
  // True: it has come, do not ask again.
  using Question = std::function<bool()>;

  explicit Waiters(Executor& executor) : executor_(executor) {}

  // Asked soon, and after each Note, until it is true.
  void Add(Question question);
  size_t size() const;
  // Something may have come.
  void Note();
  // Asks nothing any more. Waits for a question that is being asked, unless that one calls this.
  void Close();

 private:
  void PostAsk();  // REQUIRES: mutex_ is held
  void Ask();

  Executor& executor_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::list<Question> questions_;  // protected by mutex_, as all below
  size_t asked_ = 0;               // that are out of the list, being asked
  bool posted_ = false;
  bool closed_ = false;
  std::thread::id asking_;  // the thread that asks; none: nobody
};

}  // namespace intentlog
