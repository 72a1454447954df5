// May this intent become effective? Admit is pure: the intent, the rules and a small summary of its
// entity go in; a decision comes out. No clock, no store, no I/O. Its cost does not grow with the
// number of concurrent events.
//
// The concurrent events of an intent are the effective events of its entity after `based_on`, less
// those of its own device log and of logs that it continues. None: accepted. Otherwise the stricter
// rule of all pairs decides: COMMUTES and LAST_WRITER_WINS merge, REVIEW conflicts.
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

struct AdmitInput {
  const Intent* intent = nullptr;            // envelope parsed; null: it does not parse
  const EventType* type = nullptr;           // null: unknown here
  const google::protobuf::Message* payload = nullptr;  // null: does not parse, or type unknown
  const Schema* schema = nullptr;
  const EntitySummary* entity = nullptr;     // null: the entity has no events
  absl::Span<const LogId> own_logs;          // the pushing log first, then those it continues
  Position base;                             // of based_on in this epoch's history; 0: before all
};

struct Verdict {
  Decision decision = ACCEPTED;
  Reason reason;                             // empty for plain acceptance
  uint64_t duplicate_of = 0;
  uint64_t behind = 0;
  std::vector<uint32_t> without;
  bool without_all = false;
};

// Decides one intent by itself, in this order: malformed, unknown (parked), wrong scope or key, field
// rules (rejected), open lane (parked), concurrent events.
Verdict Admit(const AdmitInput& input);

// The batch's verdict: the strictest of its members' (rejected > conflicted > parked > duplicate >
// merged > accepted) holds for all; those that were better get BATCH_MEMBER as their reason.
void DecideAsOne(absl::Span<Verdict> members);

// The summary after an event with this decision: version, writers, open lanes. Pure.
void AddToSummary(const Intent& intent, Decision decision, const LogId& log, Position position,
                  EntitySummary& summary);

}  // namespace intentlog
