// Events of the feed that a device keeps.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/log/packed_block.h"
#include "eventlog/schema/schema.h"
#include "eventlog/store/store.h"
#include "projections/engine/event_finder.h"

namespace intentlog {

// The store must outlive it.
class FeedEventFinder final : public EventFinder {
 public:
  FeedEventFinder(const Store& store, std::shared_ptr<const Schema> schema)
      : store_(store), decoder_(std::move(schema)) {}

  absl::StatusOr<const Event*> At(std::string_view scope, Position position) override;

  // A block of the scope, packed or plain, that is being folded and is not in the store yet: it
  // holds events from `first` to `last`. Its bytes must live until LetGo.
  void Hold(std::string_view scope, Position first, Position last, std::string_view block) {
    held_.push_back({std::string(scope), first, last, block});
  }
  void LetGo() { held_.clear(); }

 private:
  struct Held {
    std::string scope;
    Position first, last;
    std::string_view block;
  };

  const Store& store_;
  EventDecoder decoder_;
  std::vector<Held> held_;
  BlockUnpacker unpacker_;
  std::string bytes_;  // of the event that was given last
};

}  // namespace intentlog
