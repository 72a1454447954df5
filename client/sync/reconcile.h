// What the server's words mean for the outbox. Pure: no clock, no store, no I/O; takes values and
// returns values. Receipts and a device's own events in the feed come to the same outcomes, so a
// lost receipt costs nothing.
//
//   pending 1 2 3 4 5   receipt 1..3 accepted at 70..72   -> settle 1..3 (confirmed when the cursor
//   passes) pending 4 5         receipt 6..6                      -> error: nothing of the sort was
//   pushed pending 4 5         feed: own 5 at 80 accepted        -> settle 5; 4 stays pending (an
//   island) pending 4, 5 known  receipt 4..5                      -> settle 4 settled 4 receipt 4
//   at 80 again             -> nothing
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/outbox/log_place.h"
#include "eventlog/runtime/numbers.h"
#include "proto/event.pb.h"
#include "proto/sync.pb.h"

namespace intentlog {

// Consecutive counts.
struct CountRange {
  Count first;
  Count last;

  friend bool operator==(const CountRange&, const CountRange&) = default;
};

// One device log as the outbox holds it. The counts in (receipted, last] are pending, less those in
// `islands`; those of them up to `pushed` are with the server, answer outstanding.
struct OutboxView {
  PriorityClass priority = kPlainClass;
  Count last;       // highest appended
  Count synced;     // highest that survives a power cut: nothing above it is pushed
  Count receipted;  // every count up to here has a receipt
  Count pushed;     // highest pushed in this session
  // Above `receipted`, ascending, apart from each other: what the feed told before any receipt
  // came.
  std::vector<CountRange> islands;
};

// What becomes of consecutive intents of one device log. `position` is of the first; they are
// consecutive too.
struct Outcome {
  Count first;
  uint32_t length = 0;
  Position position;
  Decision decision = DECISION_UNSPECIFIED;
  Reason reason;
  uint64_t pointer = 0;  // duplicate_of or behind
  PriorityClass priority = kPlainClass;

  Count last() const { return Count(first.value() + length - 1); }  // REQUIRES: length > 0
};

// New outcomes, in count order; what is already settled is left out.
// INVALID_ARGUMENT if the runs do not follow on `outbox.receipted` without a gap, overlap what was
// never pushed, or hold no decision or position: the peer is wrong, and nothing may change.
absl::StatusOr<std::vector<Outcome>> ReconcileReceipts(const OutboxView& outbox,
                                                       const Receipts& receipts);

// What this device's own events in a feed say. Empty if all of them are settled already. Counts
// above `outbox.last` are left out: another copy of this device wrote them, so they are not its own
// (I31). `own` are headers of events whose log_id is this log's, in position order; settlements are
// not among them. INVALID_ARGUMENT if positions or counts do not grow, or a header holds no
// decision.
absl::StatusOr<std::vector<Outcome>> ReconcileFeed(const OutboxView& outbox,
                                                   absl::Span<const Header> own);

// The outbox after these outcomes: `receipted` grows over what they fill, islands join.
// REQUIRES: outcomes of this log, as the two functions above return them.
void AddOutcomes(absl::Span<const Outcome> outcomes, OutboxView& outbox);

// What the server's highest count, from its Welcome, asks for.
enum class LogStanding {
  kInStep,      // highest <= last: push from the first without a receipt; resend to learn receipts
  kServerAhead  // the server has more than this device ever wrote: an old copy of it wrote again
                // (I31)
};
LogStanding CompareHighest(const OutboxView& outbox, Count server_highest);

// The first count to push: the first without a receipt (a resend is answered with the first
// receipt).
Count PushFrom(const OutboxView& outbox);

}  // namespace intentlog
