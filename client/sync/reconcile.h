// What the server's words mean for the outbox. Pure: no clock, no store, no I/O; takes values and
// returns values. The same function serves receipts and a device's own events in the feed, so a lost
// receipt costs nothing.
//
//   pending 1 2 3 4 5   receipt 1..3 accepted at 70..72   -> settle 1..3 (confirmed when the cursor passes)
//   pending 4 5         receipt 6..6                      -> error: nothing of the sort was pushed
//   pending 4 5         feed: own 4 at 80 accepted        -> settle 4
//   settled 4           receipt 4 at 80 again             -> nothing
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "eventlog/runtime/numbers.h"
#include "proto/event.pb.h"
#include "proto/sync.pb.h"

namespace intentlog {

// One device log as the outbox holds it. The counts in (receipted, last] are pending; those of them
// up to `pushed` are with the server, answer outstanding.
struct OutboxView {
  Count last;        // highest appended
  Count synced;      // highest that survives a power cut: nothing above it is pushed
  Count receipted;   // every count up to here has a receipt
  Count pushed;      // highest pushed in this session
};

// What becomes of consecutive intents. `position` is of the first; they are consecutive too.
struct Outcome {
  Count first;
  uint32_t length = 0;
  Position position;
  Decision decision = DECISION_UNSPECIFIED;
  Reason reason;
  uint64_t pointer = 0;  // duplicate_of or behind
};

// New outcomes, in count order; what is already settled is left out.
// INVALID_ARGUMENT if the runs do not follow on `outbox.receipted` without a gap, overlap what was
// never pushed, or hold no decision: the peer is wrong, and nothing may change.
absl::StatusOr<std::vector<Outcome>> ReconcileReceipts(const OutboxView& outbox,
                                                       const Receipts& receipts);

// What this device's own events in a feed say. Empty if all of them are settled already.
// `own` are headers of events whose log_id is this log's, in position order.
absl::StatusOr<std::vector<Outcome>> ReconcileFeed(const OutboxView& outbox,
                                                   absl::Span<const Header> own);

// What the server's highest count, from its Welcome, asks for.
enum class LogStanding {
  kInStep,      // highest <= last: push from the first without a receipt; above it resend to learn receipts
  kServerAhead  // the server has more than this device ever wrote: an old copy of it wrote again (I31)
};
LogStanding CompareHighest(const OutboxView& outbox, Count server_highest);

// The first count to push: the first without a receipt (a resend is answered with the first receipt).
Count PushFrom(const OutboxView& outbox);

}  // namespace intentlog
