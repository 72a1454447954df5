// What Admit is asked, and what it says. Values.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/schema.h"
#include "eventlog/schema/violation.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/admit/own_log.h"

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
  const Intent* intent = nullptr;   // envelope parsed; null: it does not parse
  const EventType* type = nullptr;  // null: unknown here
  // In today's form. Null: it cannot be read, or the type is unknown.
  const google::protobuf::Message* payload = nullptr;
  const Violation* unreadable = nullptr;  // why, of a payload of a former version; null: any other
  const Schema* schema = nullptr;
  const EntitySummary* entity = nullptr;  // null: the entity has no events
  absl::Span<const OwnLog> own_logs;      // the pushing log first, then those it continues
  Position base;  // of based_on in this epoch's history; 0: before all, or of another epoch
  bool base_ahead = false;  // based_on lies above the head of this epoch
  ClockFacts clock;
  // The first event with the intent's duplicate key, never the intent itself; null: none, or the
  // type has no such key.
  const FirstWithKey* first_with_key = nullptr;
  uint64_t batch_content = 0;  // BatchContent of its whole batch; 0: it is alone
};

struct Verdict {
  Decision decision = ACCEPTED;
  // Empty for plain acceptance and for a merge that took nothing away. Names the rule that asked,
  // and the fields in question.
  Reason reason;
  uint64_t duplicate_of = 0;
  uint64_t behind = 0;  // position that a parked one waits for; 0: for the schema
  std::vector<uint32_t> without;
  bool without_all = false;
  uint32_t without_version = 0;  // of the type that has those fields; 0: the intent's own
  bool whole_batch = false;      // of a duplicate: its whole batch equals that of the first
};

}  // namespace intentlog
