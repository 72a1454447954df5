#include "client/sync/why.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/lanes.h"
#include "client/outbox/pending.h"
#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

BlockedBy::Kind KindOf(Hold hold) {
  switch (hold) {
    case Hold::kNone:
      break;
    case Hold::kNoNetwork:
      return BlockedBy::kOffline;
    case Hold::kManual:
      return BlockedBy::kManual;
    case Hold::kDataSaver:
      return BlockedBy::kDataSaver;
    case Hold::kMetered:
      return BlockedBy::kMetered;
    case Hold::kBattery:
      return BlockedBy::kBattery;
    case Hold::kBackground:
      return BlockedBy::kBackground;
  }
  INTENTLOG_CHECK(false);
  return BlockedBy::kNothing;
}

BlockedBy::Kind KindOf(SyncState::Reason reason) {
  switch (reason) {
    case SyncState::Reason::kNone:
      return BlockedBy::kSending;
    case SyncState::Reason::kStopped:
      return BlockedBy::kSyncStopped;
    case SyncState::Reason::kHeld:  // all logs but this one, which has only begun
    case SyncState::Reason::kOffline:
      return BlockedBy::kOffline;
    case SyncState::Reason::kBackOff:
      return BlockedBy::kBackOff;
    case SyncState::Reason::kServerAsked:
      return BlockedBy::kServerAsked;
    case SyncState::Reason::kRefused:
      return BlockedBy::kRefused;
    case SyncState::Reason::kFailed:
      return BlockedBy::kStoreFailed;
  }
  INTENTLOG_CHECK(false);
  return BlockedBy::kNothing;
}

// Whether nothing can be said of a log before the device itself goes on.
bool IsOfDevice(SyncState::Reason reason) {
  return reason == SyncState::Reason::kFailed || reason == SyncState::Reason::kStopped;
}

}  // namespace

BlockedBy WhyUndecided(const SyncState& state, PriorityClass priority, absl::Duration now) {
  INTENTLOG_CHECK(priority < kClasses);
  const SyncState::OfLog& log = state.logs[priority];
  BlockedBy blocked;
  blocked.kind = KindOf(state.reason);
  blocked.text = state.reason_text;
  blocked.until = state.until;
  blocked.age = now - state.since;
  blocked.attempts = log.attempts;
  blocked.last_error = log.last_error;
  if (IsOfDevice(state.reason)) return blocked;
  if (log.forked) {
    blocked.kind = BlockedBy::kForked;
    blocked.text =
        "the server has other intents under this device log's counts: a copy of this folder was "
        "used elsewhere";
    blocked.until = absl::InfiniteFuture();
  } else if (log.hold != Hold::kNone) {
    blocked.kind = KindOf(log.hold);
    blocked.text = log.hold_text;
    blocked.until = absl::InfiniteFuture();
    blocked.age = now - log.since;
  }
  return blocked;
}

BlockedBy WhyParked(const IntentOutcome& outcome, const BehindEvent& behind) {
  BlockedBy blocked;
  const Reason::Code code = outcome.reason.code();
  const std::string has = Cat("the server has it at position ", outcome.position);
  if (code == Reason::UNKNOWN_TYPE || code == Reason::NEWER_SCHEMA) {
    blocked.kind = BlockedBy::kSchemaTooOld;
    blocked.text = Cat(has, "; it waits until the server's schema knows its type");
    return blocked;
  }
  blocked.behind = Position(outcome.pointer);
  blocked.behind_entity = behind.entity;
  std::string what = outcome.pointer == 0 ? "an earlier one" : Cat("position ", outcome.pointer);
  if (!behind.entity.type.empty()) {
    what += Cat(" (", behind.entity.type, "/", behind.entity.id, ")");
  }
  if (behind.decision == CONFLICTED) {
    blocked.kind = BlockedBy::kAwaitingReview;
    blocked.text = Cat(has, "; a person must decide about ", what, " first");
    return blocked;
  }
  blocked.kind = BlockedBy::kParked;
  blocked.text = Cat(has, "; it waits behind ", what);
  if (behind.decision == REJECTED) blocked.text += ", which was rejected: amend or dismiss that";
  return blocked;
}

namespace {

absl::Duration Since(const Clock& clock, int64_t wall_us) {
  return std::max(absl::ZeroDuration(), clock.WallNow() - absl::FromUnixMicros(wall_us));
}

// A folder that failed is the reason for everything, whether or not a session has met it.
SyncState WithStore(const Device& device, SyncState state, const Clock& clock) {
  const absl::Status failed = device.outbox->failed();
  if (failed.ok() || state.reason == SyncState::Reason::kFailed) return state;
  state.reason = SyncState::Reason::kFailed;
  state.reason_text = Cat("the folder failed and must be opened again: ", failed);
  state.until = absl::InfiniteFuture();
  state.since = clock.Passed();
  return state;
}

uint64_t UndecidedOf(const OutboxCounts& counts) { return counts.pending - counts.parked; }

absl::StatusOr<BehindEvent> FindBehind(const Device& device, Position position) {
  BehindEvent behind;
  if (position == Position()) return behind;
  std::string value;
  ASSIGN_OR_RETURN(const bool own,
                   device.store->Get(Space::kIndex, PositionKey('o', position), &value));
  if (!own) {
    // Another device's, that the feed told of.
    ASSIGN_OR_RETURN(const bool conflict,
                     device.store->Get(Space::kIndex, PositionKey('c', position), &value));
    OpenEvent open;
    Intent intent;
    if (!conflict || !open.ParseFromString(value)) return behind;
    behind.decision = open.decision();
    if (intent.ParseFromString(open.intent())) {
      behind.entity = {intent.entity_type(), intent.entity_id()};
    }
    return behind;
  }
  const auto open = ParseOpenIntent(value);
  if (!open) return DataLoss("the open intent at ", position, " does not parse");
  behind.decision = open->decision;
  IntentReader reader(*device.store, open->place.priority);
  ASSIGN_OR_RETURN(const std::string_view intent, reader.Get(open->place.count));
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(intent, &view));
  behind.entity = {std::string(view.entity_type), std::string(view.entity_id)};
  return behind;
}

BlockedBy Decided(const IntentOutcome& outcome) {
  BlockedBy nothing;
  nothing.text = Cat(Decision_Name(outcome.decision), " at position ", outcome.position);
  if (!outcome.reason.text().empty()) nothing.text += Cat(": ", outcome.reason.text());
  return nothing;
}

// The first open one, with its position, of those in any of the lanes for which `wanted(open)`
// holds; nothing if there is none.
template <class Wanted>
absl::StatusOr<std::optional<std::pair<Position, OpenIntent>>> FindOpen(
    const Device& device, absl::Span<const Entity> lanes, const Wanted& wanted) {
  const auto row = device.store->Scan(Space::kIndex);
  for (row->Seek("o"); row->Valid() && row->key().substr(0, 1) == "o"; row->Next()) {
    const auto open = ParseOpenIntent(row->value());
    if (!open) return DataLoss("an open intent does not parse");
    if (!wanted(*open)) continue;
    IntentReader reader(*device.store, open->place.priority);
    ASSIGN_OR_RETURN(const std::string_view intent, reader.Get(open->place.count));
    IntentView view;
    RETURN_IF_ERROR(ReadIntent(intent, &view));
    const bool there = std::any_of(lanes.begin(), lanes.end(), [&](const Entity& lane) {
      return lane.type == view.entity_type && lane.id == view.entity_id;
    });
    if (!there) continue;
    return std::make_optional(std::make_pair(PositionOf(row->key()), *open));
  }
  RETURN_IF_ERROR(row->status());
  return std::nullopt;
}

// Of what is parked at `place`, within what was appended together with it. The receipt names what
// stopped its lane then. Once that is closed, what comes next in the lane, or in that of another of
// its batch, may have stopped it again, and nobody tells those that wait behind it.
absl::StatusOr<BlockedBy> WhyInLane(const Device& device, IntentOutcome outcome, LogPlace place,
                                    const IntentReader::RowAt& batch) {
  ASSIGN_OR_RETURN(BehindEvent behind, FindBehind(device, Position(outcome.pointer)));
  if (behind.decision || outcome.pointer == 0) return WhyParked(outcome, behind);
  std::vector<Entity> lanes;
  for (uint32_t i = 0; i < batch.row.size(); ++i) {
    IntentView view;
    RETURN_IF_ERROR(ReadIntent(batch.row.intent(i), &view));
    lanes.push_back({std::string(view.entity_type), std::string(view.entity_id)});
  }
  const LogPlace first{place.priority, batch.first};
  ASSIGN_OR_RETURN(const auto stopper, FindOpen(device, lanes, [&](const OpenIntent& open) {
                     return open.place < first;
                   }));
  if (stopper) {
    outcome.pointer = stopper->first.value();
    ASSIGN_OR_RETURN(behind, FindBehind(device, stopper->first));
  }
  return WhyParked(outcome, behind);
}

// A store that can not be read is a failed folder.
BlockedBy Unreadable(const absl::Status& status) {
  BlockedBy blocked;
  blocked.kind = BlockedBy::kStoreFailed;
  blocked.text = Cat("the folder can not be read: ", status);
  return blocked;
}

}  // namespace

absl::StatusOr<BlockedBy> WhyIntent(const Device& device, const SyncState& state,
                                    const Clock& clock, LogPlace place) {
  IntentReader reader(*device.store, place.priority);
  ASSIGN_OR_RETURN(const IntentReader::RowAt at, reader.Find(place.count));
  IntentView view;
  RETURN_IF_ERROR(
      ReadIntent(at.row.intent(static_cast<uint32_t>(place.count.Since(at.first))), &view));
  ASSIGN_OR_RETURN(const auto outcome, OutcomeOf(*device.store, place.priority, place.count));
  if (outcome && outcome->decision != PARKED) return Decided(*outcome);
  const absl::Duration age = Since(clock, view.device_time_us);
  BlockedBy blocked;
  if (outcome) {
    ASSIGN_OR_RETURN(blocked, WhyInLane(device, *outcome, place, at));
    blocked.age = age;
  } else {
    blocked = WhyUndecided(WithStore(device, state, clock), place.priority, clock.Passed());
    blocked.age = std::min(blocked.age, age);
  }
  const uint64_t ever = state.logs[place.priority].attempts_ever;
  blocked.attempts = ever - std::min(ever, at.row.attempts());
  return blocked;
}

BlockedBy WhyLog(const Device& device, const SyncState& state, const Clock& clock,
                 PriorityClass priority) {
  const OutboxCounts counts = device.outbox->counts(priority);
  BlockedBy blocked;
  if (UndecidedOf(counts) > 0) {
    blocked = WhyUndecided(WithStore(device, state, clock), priority, clock.Passed());
    const auto oldest = FindOldestUndecided(*device.outbox, priority);
    if (!oldest.ok()) return Unreadable(oldest.status());
    if (*oldest) blocked.age = std::min(blocked.age, Since(clock, (*oldest)->device_time_us));
    return blocked;
  }
  blocked.text = "nothing is pending";
  if (counts.parked == 0) return blocked;
  const auto parked = FirstParked(*device.outbox);
  if (!parked.ok()) return Unreadable(parked.status());
  // It was closed just now.
  if (!(*parked)[priority]) return blocked;
  auto why = WhyIntent(device, state, clock, {priority, *(*parked)[priority]});
  return why.ok() ? *std::move(why) : Unreadable(why.status());
}

BlockedBy WhyDevice(const Device& device, const SyncState& state, const Clock& clock) {
  BlockedBy blocked;
  blocked.text = "nothing is pending";
  blocked.attempts = state.attempts;
  blocked.last_error = state.last_error;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (UndecidedOf(device.outbox->counts(priority)) > 0) {
      return WhyLog(device, state, clock, priority);
    }
  }
  const auto oldest = FindOldestPending(*device.outbox);
  if (!oldest.ok()) return Unreadable(oldest.status());
  if (!oldest->has_value()) return blocked;
  auto why = WhyIntent(device, state, clock, (*oldest)->place);
  return why.ok() ? *std::move(why) : Unreadable(why.status());
}

absl::StatusOr<BlockedBy> WhyEntity(const Device& device, const SyncState& state,
                                    const Clock& clock, const Entity& entity) {
  ASSIGN_OR_RETURN(const LaneState lane, ReadLane(*device.store, entity.type, entity.id));
  const PriorityClass priority = device.logs->ClassOf(entity.type);
  BlockedBy blocked;
  if (lane.pending() > 0) {
    // The last one has no receipt, unless the feed was ahead of the receipts.
    ASSIGN_OR_RETURN(blocked,
                     WhyIntent(device, state, clock, {priority, Count(lane.last_count())}));
    if (blocked.kind != BlockedBy::kNothing) return blocked;
    blocked = WhyUndecided(WithStore(device, state, clock), priority, clock.Passed());
    blocked.age = std::min(blocked.age, Since(clock, lane.last_change_us()));
    return blocked;
  }
  if (lane.parked() > 0) {
    ASSIGN_OR_RETURN(const auto parked, FindOpen(device, {&entity, 1}, [](const OpenIntent& open) {
                       return open.decision == PARKED;
                     }));
    if (parked) return WhyIntent(device, state, clock, parked->second.place);
  }
  blocked.text = lane.conflicted() > 0 ? "conflicted: a person decides"
                 : lane.failed() > 0   ? "rejected by the server: amend or dismiss"
                                       : "synced";
  return blocked;
}

}  // namespace intentlog
