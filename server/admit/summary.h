// What an entity's summary keeps of its events for those that come after them, and what can be
// asked of it. Bounded: it does not grow with the number of events. Pure.
//
// Where a bound cut something off, the answer errs to the strict side: an event that may be
// concurrent is, content that may be unequal is, a time that may not be comparable is not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/event_type.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/admit/admission.h"

namespace intentlog {

// The device logs that a summary names one by one, for each type and each of its fields. Exact for
// intents that own no more logs than this.
inline constexpr int kWritersPerType = 4;
// The contents it remembers for each type. An equal event that lies further back counts as unequal.
inline constexpr int kContentsPerType = 8;

// What an event brings, as far as some rule asks for it: made while its payload is at hand.
struct Footprint {
  const EventType* type = nullptr;
  std::vector<uint32_t> fields;  // numbers of those set, less the key
  uint64_t content = 0;
  int64_t device_time_us = 0;  // less skew; 0: does not count
};
Footprint FootprintOf(const EventType& type, const google::protobuf::Message& payload,
                      const Intent& intent, const ClockFacts& clock);

// The summary after an event with this verdict: scope, version, writers, fields, contents, times,
// open lanes. Fields that the event goes without were not written by it. One without all of them
// wrote nothing, and nothing clashes with it. A settlement is added as what takes effect: with the
// verdict's decision and `without` from it, the footprint of its type and payload, and the log of
// the event that it closes. The footprint of what is not effective is not looked at.
void AddToSummary(const Intent& intent, const Verdict& verdict, const Footprint& footprint,
                  const LogId& log, Position position, EntitySummary& summary);

}  // namespace intentlog
