// What an intent did not see: the concurrent events among the writers that a summary names, and
// whether it is later than they are. Pure; the cost is bounded by the summary's bounds.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "proto/store.pb.h"
#include "server/admit/own_log.h"

namespace intentlog {

// From where an intent looks.
struct Viewpoint {
  absl::Span<const OwnLog> own_logs;
  uint64_t base = 0;                      // what it has seen
  std::optional<int64_t> device_time_us;  // trusted, less skew
};

// The greatest position of a concurrent event; 0: there is none.
uint64_t NewestUnseen(const EntitySummary::TypeSummary& writers, const Viewpoint& from);
uint64_t NewestUnseen(const EntitySummary::FieldSummary& writers, const Viewpoint& from);

// How the intent compares with all concurrent events by device time. At equal times the one that
// is later in the server's order, the intent, is later.
struct ByTime {
  enum Outcome { kLater, kEarlier, kUnknown };
  Outcome outcome = kLater;  // kEarlier: than at least one
  uint64_t position = 0;     // of the event that makes it so
};
ByTime CompareTimes(const EntitySummary::TypeSummary& writers, const Viewpoint& from);
ByTime CompareTimes(const EntitySummary::FieldSummary& writers, const Viewpoint& from);

}  // namespace intentlog
