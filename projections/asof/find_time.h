// Which position a log had at a moment. Server times never go back, so it is searched, in about as
// many single reads as the position has bits.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "projections/asof/read_log.h"

namespace intentlog {

struct TimeFound {
  Position last;  // of the last event whose server time is at or below the moment; 0: none
  Position next;  // of the first one after it; 0: the log has none
};

// `head`: no event above it is looked at. DATA_LOSS names an event whose header does not parse.
absl::StatusOr<TimeFound> FindTime(const ReadLog& read, Position head, int64_t time_us);

}  // namespace intentlog
