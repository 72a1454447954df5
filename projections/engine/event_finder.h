// Where events are found again, by position: who lets go of parked events folds them from here.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "eventlog/log/event.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

// Thread-compatible.
class EventFinder {
 public:
  virtual ~EventFinder() = default;
  // The event, valid until the next call. NOT_FOUND if this place does not have it (any more).
  virtual absl::StatusOr<const Event*> At(std::string_view scope, Position position) = 0;
};

}  // namespace intentlog
