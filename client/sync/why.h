// Why something is not synced: one answer for every pending intent, every entity and the device.
// The first two functions are pure; the others look up what they ask about.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/conditions/blocked_by.h"
#include "client/device.h"
#include "client/outbox/intent_reader.h"
#include "client/sync/sync_state.h"
#include "eventlog/runtime/clock.h"

namespace intentlog {

// Of what has no receipt, in the log of `priority`. Never kNothing. `now` is passed time.
BlockedBy WhyUndecided(const SyncState& state, PriorityClass priority, absl::Duration now);

// What is known of the event that a parked one waits behind.
struct BehindEvent {
  std::optional<Decision> decision;  // as it stands; nothing: not known here
  Entity entity;                     // empty: not known here
};
// Of what is parked. Never kNothing. `attempts` and `age` are left 0.
BlockedBy WhyParked(const IntentOutcome& outcome, const BehindEvent& behind);

// What keeps the device's pending intents: of the most urgent log that has some without a receipt;
// if all have one, of the parked one that was recorded first.
BlockedBy WhyDevice(const Device& device, const SyncState& state, const Clock& clock);
// Of the intents of one log.
BlockedBy WhyLog(const Device& device, const SyncState& state, const Clock& clock,
                 PriorityClass priority);
// DATA_LOSS.
absl::StatusOr<BlockedBy> WhyIntent(const Device& device, const SyncState& state,
                                    const Clock& clock, LogPlace place);
// NOT_FOUND if this device never recorded anything for it.
absl::StatusOr<BlockedBy> WhyEntity(const Device& device, const SyncState& state,
                                    const Clock& clock, const Entity& entity);

}  // namespace intentlog
