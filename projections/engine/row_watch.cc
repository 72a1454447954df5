#include "projections/engine/row_watch.h"

#include <algorithm>
#include <utility>

namespace intentlog {
namespace {

// Memory of a node of a set, about.
constexpr size_t kNodeBytes = 64;

}  // namespace

void ChangedKeys::Note(std::string_view key) {
  if (begins_ || keys_.find(key) != keys_.end()) return;
  bytes_ += key.size() + kNodeBytes;
  if (keys_.size() >= limits_.keys_max || bytes_ > limits_.bytes_max) return BeginAnew();
  keys_.emplace(key);
}

void ChangedKeys::BeginAnew() {
  begins_ = true;
  keys_.clear();
  bytes_ = 0;
}

ChangedKeys::Taken ChangedKeys::Take() {
  bytes_ = 0;
  return {std::exchange(begins_, false), std::exchange(keys_, {})};
}

RowWatch::RowWatch(std::shared_ptr<RowWatches> watches, std::string view, std::string prefix,
                   BuildId build, const RowWatchLimits& limits, bool begins)
    : watches_(std::move(watches)),
      view_(std::move(view)),
      prefix_(std::move(prefix)),
      changed_(limits, begins),
      build_(build) {}

RowWatch::~RowWatch() {
  const std::lock_guard<std::mutex> lock(watches_->mutex_);
  watches_->watches_.erase(this);
  watches_->any_ = !watches_->watches_.empty();
}

size_t RowWatch::waiting() const {
  const std::lock_guard<std::mutex> lock(watches_->mutex_);
  return changed_.size();
}

std::unique_ptr<RowWatch> RowWatches::Add(std::string view, std::string prefix, BuildId build,
                                          const RowWatchLimits& limits, bool begins) {
  std::unique_ptr<RowWatch> watch(
      new RowWatch(shared_from_this(), std::move(view), std::move(prefix), build, limits, begins));
  const std::lock_guard<std::mutex> lock(mutex_);
  watches_.insert(watch.get());
  any_ = true;
  return watch;
}

bool RowWatches::Watches(std::string_view view) {
  if (!any()) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::any_of(watches_.begin(), watches_.end(),
                     [view](const RowWatch* watch) { return watch->view_ == view; });
}

void RowWatches::Note(std::string_view view, std::string_view key) {
  for (RowWatch* const watch : watches_) {
    if (watch->view_ != view || key.substr(0, watch->prefix_.size()) != watch->prefix_) continue;
    watch->changed_.Note(key);
  }
}

void RowWatches::BeginAnew(std::string_view view) {
  for (RowWatch* const watch : watches_) {
    if (watch->view_ == view) watch->changed_.BeginAnew();
  }
}

ChangedKeys::Taken RowWatches::Take(RowWatch& watch, BuildId build) {
  if (watch.build_ != build) watch.changed_.BeginAnew();
  watch.build_ = build;
  return watch.changed_.Take();
}

bool RowWatches::IsStale(uint64_t opening) {
  if (opening < current_) return true;
  current_ = opening;
  return false;
}

}  // namespace intentlog
