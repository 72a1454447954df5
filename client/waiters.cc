#include "client/waiters.h"

#include <utility>

namespace intentlog {

void Waiters::Add(Question question) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  questions_.push_back(std::move(question));
  PostAsk();
}

size_t Waiters::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return questions_.size() + asked_;
}

void Waiters::Note() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!questions_.empty() || asked_ > 0) PostAsk();
}

void Waiters::PostAsk() {
  if (posted_ || closed_) return;
  posted_ = true;
  executor_.Post([self = shared_from_this()] { self->Ask(); });
}

void Waiters::Close() {
  std::list<Question> dropped;  // destroyed without the lock
  std::unique_lock<std::mutex> lock(mutex_);
  closed_ = true;
  dropped.swap(questions_);
  idle_.wait(lock,
             [&] { return asking_ == std::thread::id() || asking_ == std::this_thread::get_id(); });
}

void Waiters::Ask() {
  std::list<Question> questions;
  std::list<Question> answered;  // destroyed without the lock
  std::unique_lock<std::mutex> lock(mutex_);
  posted_ = false;
  if (closed_) return;
  questions.swap(questions_);
  asked_ = questions.size();
  asking_ = std::this_thread::get_id();
  for (auto question = questions.begin(); question != questions.end() && !closed_;) {
    lock.unlock();
    const bool come = (*question)();
    lock.lock();
    const auto asked = question++;
    if (!come) continue;
    answered.splice(answered.end(), questions, asked);
    --asked_;
  }
  if (!closed_) questions_.splice(questions_.begin(), questions);
  asked_ = 0;
  asking_ = std::thread::id();
  idle_.notify_all();
}

}  // namespace intentlog
