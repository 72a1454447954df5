// Events of the feed that a device keeps.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/log/block.h"
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

  // A block of the scope that is being folded and is not in the store yet; it must live until
  // LetGo.
  void Hold(std::string_view scope, const BlockView& block) {
    held_.push_back({std::string(scope), &block});
  }
  void LetGo() { held_.clear(); }

 private:
  struct Held {
    std::string scope;
    const BlockView* block;
  };

  const Store& store_;
  EventDecoder decoder_;
  std::vector<Held> held_;
  std::string bytes_;  // of the event that was given last
};

}  // namespace intentlog
