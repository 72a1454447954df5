// Whether a device's clock may decide. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "eventlog/schema/event_type.h"
#include "proto/event.pb.h"
#include "server/admit/admission.h"

namespace intentlog {

// How far ahead of the server's clock a device's is, in microseconds. A wall clock may say
// anything: beyond 73,000 years the skew stays there, so that a moment of the server's and a skew
// can be added and subtracted without an overflow.
int64_t SkewOf(int64_t device_wall_us, int64_t server_now_us);

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
