// TouchingEvents finds which events of a log touched certain rows of a view: what a difference
// between two builds can come from. Pure. Memory: `events_max` events for each row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "eventlog/log/event.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/projection.h"

namespace intentlog {

class TouchingEvents {
 public:
  // The last ones that touched a row, in order, and how many there were in all.
  struct Found {
    // What an EventRef refers to.
    struct Kept {
      EventRef ref() const { return {position, scope, true, header, intent}; }
      Position position;
      std::string scope, header, intent;
    };
    std::deque<Kept> last;
    uint64_t count = 0;
  };

  TouchingEvents(const Projection& projection, std::shared_ptr<const Schema> schema,
                 size_t events_max)
      : projection_(projection), decoder_(std::move(schema)), events_max_(events_max) {}

  // Looks for events of this row, too. Before the first Add.
  void Want(const std::string& scope, const std::string& key) { found_[scope][key]; }
  // The next event of the log. An event that does not parse is an error, as it is to a fold.
  absl::Status Add(const EventRef& event);
  // REQUIRES: it was wanted.
  const Found& Of(const std::string& scope, const std::string& key) const {
    return found_.find(scope)->second.find(key)->second;
  }

 private:
  using Rows = std::map<std::string, Found, std::less<>>;  // by key

  void Take(const EventRef& event, Found& found) const;

  const Projection& projection_;
  EventDecoder decoder_;
  const size_t events_max_;
  KeySink keys_;
  std::map<std::string, Rows, std::less<>> found_;  // by scope
};

}  // namespace intentlog
