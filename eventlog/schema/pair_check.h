// Whether the rules of event types that meet, those of one entity, make sense together: what has an
// effect nowhere is refused, because its author believes that it has one. Pure functions.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "eventlog/schema/event_type.h"

namespace intentlog {

// Whether a concurrent pair is ever decided by device times: both types have a device clock, and
// the rule of the pair, or that of a field both have, is LAST_WRITER_WINS. A type whose clock is
// SERVER has said that its device time counts for nothing.
bool ComparesTimes(const EventType& a, const EventType& b);

// INVALID_ARGUMENT names file, message and field. `peers`: all types of the same entity, `type`
// included.
absl::Status CheckAgainst(const EventType& type, const std::vector<const EventType*>& peers);

}  // namespace intentlog
