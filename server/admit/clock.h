// Whether a device's clock may decide. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "eventlog/schema/event_type.h"
#include "proto/event.pb.h"
#include "server/admit/admission.h"

namespace intentlog {

// The intent's device time less the skew, in microseconds since 1970: if the type has a device
// clock, the skews on both sides lie within its max_skew, the device noted no step of its wall
// clock in between, and the time is not later than the server's by more than max_skew. Otherwise
// nothing: it decides nothing.
//
// A skew has the time in it that the hello took. Where a push takes less, its intents seem to be of
// the future: they are of now at the latest.
std::optional<int64_t> TrustedTime(const EventType& type, const Intent& intent,
                                   const ClockFacts& clock);

}  // namespace intentlog
