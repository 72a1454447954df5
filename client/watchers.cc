#include "client/watchers.h"

#include <vector>

namespace intentlog {

Watchers::WatchId Watchers::Add(std::string view, std::string prefix, RowWatcher watcher) {
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_[++last_] = {std::move(view), std::move(prefix),
                       std::make_shared<const RowWatcher>(std::move(watcher)), nullptr};
  return last_;
}

Watchers::WatchId Watchers::AddNote(std::string view, std::string prefix, KeyNote note) {
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_[++last_] = {std::move(view), std::move(prefix), nullptr, std::move(note)};
  return last_;
}

void Watchers::Remove(WatchId watch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_.erase(watch);
}

bool Watchers::empty() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return watches_.empty();
}

void Watchers::Note(std::string_view view, std::string_view key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [id, watch] : watches_) {
    if (watch.view != view || key.substr(0, watch.prefix.size()) != watch.prefix) continue;
    if (watch.note) {
      watch.note(key);
    } else {
      to_tell_.emplace(id, key);
    }
  }
  if (to_tell_.empty() || posted_) return;
  posted_ = true;
  executor_.Post([self = shared_from_this()] { self->Tell(); });
}

void Watchers::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_.clear();
  to_tell_.clear();
}

void Watchers::Tell() {
  std::vector<std::pair<std::shared_ptr<const RowWatcher>, std::string>> calls;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    posted_ = false;
    for (const auto& [id, key] : to_tell_) {
      const auto watch = watches_.find(id);
      if (watch != watches_.end()) calls.emplace_back(watch->second.watcher, key);
    }
    to_tell_.clear();
  }
  for (const auto& [watcher, key] : calls) (*watcher)(key);
}

}  // namespace intentlog
