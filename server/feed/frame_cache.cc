#include "server/feed/frame_cache.h"

namespace intentlog {

// What a frame costs beside its bytes: list and map nodes, and the key.
constexpr size_t kEntryBytes = 256;

size_t FrameCache::Size(const Entry& entry) const {
  return entry.frame.bytes->size() + kEntryBytes + std::get<std::string>(entry.key).size();
}

void FrameCache::Drop(std::list<Entry>::iterator entry) {
  bytes_ -= Size(*entry);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

void FrameCache::Put(std::string_view scope, FeedForm form, const FeedFrame& frame) {
  Key key(scope, form, frame.from);
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) Drop(found->second);
  entries_.push_front({key, frame});
  by_key_[std::move(key)] = entries_.begin();
  bytes_ += Size(entries_.front());
  while (bytes_ > bytes_max_ && !entries_.empty()) Drop(std::prev(entries_.end()));
}

std::optional<FeedFrame> FrameCache::Find(std::string_view scope, FeedForm form, Position from) {
  const auto found = by_key_.find(Key(scope, form, from));
  if (found == by_key_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front().frame;
}

}  // namespace intentlog
