#include "client/state_watchers.h"

namespace intentlog {

StateWatchers::WatchId StateWatchers::Add(Watcher watcher) {
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_[++last_] = std::make_shared<const Watcher>(std::move(watcher));
  return last_;
}

void StateWatchers::Remove(WatchId watch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_.erase(watch);
}

void StateWatchers::Note(Entity entity, LaneWord state) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (watches_.empty()) return;
  to_tell_.insert_or_assign(std::move(entity), state);
  if (posted_) return;
  posted_ = true;
  executor_.Post([self = shared_from_this()] { self->Tell(); });
}

void StateWatchers::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_.clear();
  to_tell_.clear();
}

void StateWatchers::Tell() {
  std::vector<std::shared_ptr<const Watcher>> watchers;
  std::map<Entity, LaneWord> changed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    posted_ = false;
    for (const auto& [id, watcher] : watches_) watchers.push_back(watcher);
    changed.swap(to_tell_);
  }
  for (const auto& [entity, state] : changed) {
    for (const auto& watcher : watchers) (*watcher)(entity, state);
  }
}

}  // namespace intentlog
