// A FrameCache keeps feed frames that several devices may want, up to a number of bytes; the least
// recently used goes first. Frames never change, so none is ever wrong. Thread-compatible.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "eventlog/runtime/numbers.h"
#include "server/feed/feed_frame.h"

namespace intentlog {

class FrameCache {
 public:
  explicit FrameCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  void Put(std::string_view scope, FeedForm form, const FeedFrame& frame);
  // The frame of `scope` that begins at `from`, if it is kept.
  std::optional<FeedFrame> Find(std::string_view scope, FeedForm form, Position from);
  size_t bytes() const { return bytes_; }

 private:
  using Key = std::tuple<std::string, FeedForm, Position>;
  struct Entry {
    Key key;
    FeedFrame frame;
  };
  size_t Size(const Entry& entry) const;
  void Drop(std::list<Entry>::iterator entry);

  const size_t bytes_max_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<Key, std::list<Entry>::iterator> by_key_;
};

}  // namespace intentlog
