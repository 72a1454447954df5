// May this intent become effective? Admit is pure: the intent, the rules and a small summary of its
// entity go in; a decision comes out. No clock, no store, no I/O. Its cost does not grow with the
// number of concurrent events.
//
// The concurrent events of an intent are the effective events of its entity after `based_on`, less
// those of its own device log and of logs that it continues. None: accepted. Otherwise the stricter
// rule of all pairs decides:
//
//   COMMUTES, LAST_WRITER_WINS     merged
//   REVIEW                         conflicted: a person decides
//   FIRST_WRITER_WINS              rejected, with what won
//   FIELDWISE, SAME_IS_DUPLICATE   as REVIEW so far: the safe side
#pragma once

#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/schema.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

// What the server measured of the device's clock around an intent: at the last hello before it and
// at the first after it.
struct ClockFacts {
  bool known = false;          // there was a hello on either side
  int64_t skew_before_us = 0;  // device wall clock less server clock
  int64_t skew_after_us = 0;
  uint32_t steps_before = 0;  // of its wall clock, as the device noted them
  uint32_t steps_after = 0;
  int64_t server_now_us = 0;
};

struct AdmitInput {
  const Intent* intent = nullptr;                      // envelope parsed; null: it does not parse
  const EventType* type = nullptr;                     // null: unknown here
  const google::protobuf::Message* payload = nullptr;  // null: does not parse, or type unknown
  const Schema* schema = nullptr;
  const EntitySummary* entity = nullptr;  // null: the entity has no events
  absl::Span<const LogId> own_logs;       // the pushing log first, then those it continues
  Position base;  // of based_on in this epoch's history; 0: before all, or of another epoch
  bool base_ahead = false;  // based_on lies above the head of this epoch
  ClockFacts clock;
  // The first event with the intent's duplicate key; null: none, or the type has no such key.
  const FirstWithKey* first_with_key = nullptr;
};

struct Verdict {
  Decision decision = ACCEPTED;
  Reason reason;  // empty for plain acceptance, and for a merge by rule
  uint64_t duplicate_of = 0;
  uint64_t behind = 0;  // position that a parked one waits for; 0: for the schema
  std::vector<uint32_t> without;
  bool without_all = false;
};

// Whether the envelope names a scope and an entity, and so has a lane. What has none is malformed.
bool HasLane(const Intent& intent);

// Decides one intent by itself, in this order: malformed (rejected), unknown type or newer schema
// (parked), wrong scope or key, field rules, base ahead (rejected), open lane (parked), concurrent
// events.
Verdict Admit(const AdmitInput& input);

// The batch's verdict: the strictest of its members' (rejected > conflicted > parked > duplicate >
// merged > accepted) holds for all; those that were better get BATCH_MEMBER as their reason.
void DecideAsOne(absl::Span<Verdict> members);

// The device logs that a summary names one by one for each type. Exact for intents that own no more
// logs than this; for others Admit errs to the strict side.
inline constexpr int kWritersPerType = 4;

// The summary after an event with this decision: scope, version, writers, open lanes. Pure.
void AddToSummary(const Intent& intent, Decision decision, const LogId& log, Position position,
                  EntitySummary& summary);

}  // namespace intentlog
