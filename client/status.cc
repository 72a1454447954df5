// The honest answers: what is saved, what waits, and why.
#include <algorithm>

#include "client/client_rep.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/lanes.h"
#include "client/sync/queue_health.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

BlockedBy::Kind KindOf(SyncState::Reason reason) {
  switch (reason) {
    case SyncState::Reason::kNone:
      return BlockedBy::kSending;
    case SyncState::Reason::kStopped:
      return BlockedBy::kSyncStopped;
    case SyncState::Reason::kOffline:
      return BlockedBy::kOffline;
    case SyncState::Reason::kBackOff:
      return BlockedBy::kBackOff;
    case SyncState::Reason::kServerAsked:
      return BlockedBy::kServerAsked;
    case SyncState::Reason::kForked:
      return BlockedBy::kForked;
    case SyncState::Reason::kRefused:
      return BlockedBy::kRefused;
    case SyncState::Reason::kFailed:
      return BlockedBy::kStoreFailed;
  }
  return BlockedBy::kOffline;
}

RecordState StateOfDecision(const IntentOutcome& outcome, bool is_control) {
  switch (outcome.decision) {
    case REJECTED:
      return is_control || outcome.resolved ? RecordState::kSynced : RecordState::kFailed;
    case CONFLICTED:
      return RecordState::kConflicted;
    case PARKED:
      return RecordState::kPending;
    default:
      return RecordState::kSynced;
  }
}

StateCounts ToCounts(const OutboxCounts& counts) {
  return {counts.recorded, counts.synced,     counts.pending,
          counts.failed,   counts.conflicted, counts.parked};
}

RecordState StateOfWord(LaneWord word) {
  switch (word) {
    case LaneWord::kConflicted:
      return RecordState::kConflicted;
    case LaneWord::kFailed:
      return RecordState::kFailed;
    case LaneWord::kPending:
      return RecordState::kPending;
    case LaneWord::kSynced:
    case LaneWord::kNone:
      break;
  }
  return RecordState::kSynced;
}

absl::StatusOr<Client::RecordedIntent> Recorded(OutcomeReader& outcomes, LogPlace place,
                                                std::string_view bytes) {
  const Count count = place.count;
  Client::RecordedIntent recorded;
  recorded.count = count;
  recorded.priority = place.priority;
  if (!recorded.intent.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLoss("device log: count ", count, " does not parse");
  }
  recorded.is_control = IsControl(recorded.intent.type());
  ASSIGN_OR_RETURN(const auto outcome, outcomes.Find(count));
  if (!outcome) return recorded;
  recorded.state = StateOfDecision(*outcome, recorded.is_control);
  recorded.first_decision = outcome->first_decision;
  recorded.pointer = outcome->pointer;
  recorded.settled_at = outcome->settled_at;
  recorded.position = outcome->position;
  recorded.decision = outcome->decision;
  recorded.reason = outcome->reason;
  return recorded;
}

}  // namespace

BlockedBy Client::Rep::Blocked(const SyncState& state) const {
  BlockedBy blocked;
  const OutboxCounts counts = device->outbox->counts();
  blocked.attempts = state.attempts;
  if (counts.pending == 0) {
    blocked.text = "nothing is pending";
    return blocked;
  }
  const absl::Status failed = device->outbox->failed();
  blocked.age = options.runtime.clock->Passed() - state.since;
  blocked.kind = KindOf(state.reason);
  blocked.text = state.reason_text;
  blocked.until = state.until;
  if (!failed.ok()) {
    blocked.kind = BlockedBy::kStoreFailed;
    blocked.text = Cat("the folder failed and must be opened again: ", failed);
  } else if (counts.pending == counts.parked) {
    blocked.kind = BlockedBy::kParked;
    blocked.text = "the server has it; it waits behind an earlier one that is not settled";
  }
  return blocked;
}

absl::StatusOr<RecordState> Client::StateOf(const Entity& entity) const {
  ASSIGN_OR_RETURN(const LaneState lane, ReadLane(*rep_->device->store, entity.type, entity.id));
  return StateOfWord(WordOf(lane));
}

Client::WatchId Client::WatchStates(StateWatcher watcher) {
  return rep_->state_watchers->Add(
      [watcher = std::move(watcher)](const Entity& entity, LaneWord word) {
        watcher(entity, StateOfWord(word));
      });
}

void Client::UnwatchStates(WatchId watch) { rep_->state_watchers->Remove(watch); }

ClientStatus Client::Status() const {
  const Device& device = *rep_->device;
  const SyncState sync = rep_->syncer.state();
  const OutboxCounts counts = device.outbox->counts();
  ClientStatus status;
  status.tenant = device.identity.tenant();
  status.device = device.identity.device();
  status.log_id = device.logs->plain();
  status.counts = ToCounts(counts);
  for (const DeviceLogs::Named& log : device.logs->All()) {
    status.logs.push_back({log.priority, log.id, ToCounts(device.outbox->counts(log.priority))});
  }
  const auto oldest = FindOldestPending(device);
  if (oldest.ok() && oldest->has_value()) {
    const absl::Time recorded = absl::FromUnixMicros((*oldest)->device_time_us);
    status.oldest_pending_age =
        std::max(absl::ZeroDuration(), rep_->options.runtime.clock->WallNow() - recorded);
  }
  status.syncing = sync.syncing;
  status.connected = sync.connected;
  status.server_head = sync.server_head;
  for (const auto& [scope, cursor] : device.cursors->All()) {
    status.scopes.push_back({scope, cursor.position});
  }
  status.blocked_by = rep_->Blocked(sync);
  status.digests_equal = sync.digests_equal;
  status.digests_unequal = sync.digests_unequal;
  status.last_error = sync.last_error;
  return status;
}

absl::StatusOr<BlockedBy> Client::Rep::WhyPlace(LogPlace place) const {
  const Device& device = *this->device;
  const Count count = place.count;
  std::string_view bytes;
  IntentReader reader(*device.store, place.priority);
  ASSIGN_OR_RETURN(const IntentReader::RowAt at, reader.Find(count));
  bytes = at.row.intent(static_cast<uint32_t>(count.Since(at.first)));
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(bytes, &view));
  ASSIGN_OR_RETURN(const auto outcome, OutcomeOf(*device.store, place.priority, count));
  BlockedBy blocked;
  if (outcome && outcome->decision != PARKED) {
    blocked.text = Cat(Decision_Name(outcome->decision), " at position ", outcome->position);
    if (!outcome->reason.text().empty()) blocked.text += Cat(": ", outcome->reason.text());
    return blocked;
  }
  const absl::Duration age =
      std::max(absl::ZeroDuration(),
               options.runtime.clock->WallNow() - absl::FromUnixMicros(view.device_time_us));
  if (outcome) {
    blocked.kind = BlockedBy::kParked;
    blocked.text = Cat("the server has it at position ", outcome->position,
                       "; it waits behind position ", outcome->pointer);
    if (!outcome->reason.text().empty()) blocked.text += Cat(": ", outcome->reason.text());
    blocked.age = age;
    return blocked;
  }
  const SyncState state = syncer.state();
  blocked = Blocked(state);
  if (blocked.kind == BlockedBy::kParked) {  // of the others; this one has no receipt
    blocked.kind = KindOf(state.reason);
    blocked.text = state.reason_text;
  }
  blocked.age = std::min(age, blocked.age);
  blocked.attempts =
      state.attempts_ever > at.row.attempts() ? state.attempts_ever - at.row.attempts() : 0;
  return blocked;
}

absl::StatusOr<BlockedBy> Client::Why(const IntentId& intent) const {
  ASSIGN_OR_RETURN(const LogPlace place, rep_->device->outbox->Find(intent));
  return rep_->WhyPlace(place);
}

absl::StatusOr<BlockedBy> Client::Why(const Entity& entity) const {
  ASSIGN_OR_RETURN(const LaneState lane, ReadLane(*rep_->device->store, entity.type, entity.id));
  if (lane.pending() > 0) {
    return rep_->WhyPlace({rep_->device->logs->ClassOf(entity.type), Count(lane.last_count())});
  }
  BlockedBy blocked;
  if (lane.parked() > 0) {
    blocked.kind = BlockedBy::kParked;
    blocked.text = Cat("the server has it; ", lane.parked(),
                       " intents wait behind an earlier one that is not settled");
    blocked.age = std::max(absl::ZeroDuration(), rep_->options.runtime.clock->WallNow() -
                                                     absl::FromUnixMicros(lane.last_change_us()));
    return blocked;
  }
  blocked.text = lane.conflicted() > 0 ? "conflicted: a person decides"
                 : lane.failed() > 0   ? "rejected by the server: amend or dismiss"
                                       : "synced";
  return blocked;
}

absl::StatusOr<Client::RecordedIntent> Client::Find(const IntentId& intent) const {
  const Device& device = *rep_->device;
  ASSIGN_OR_RETURN(const LogPlace place, device.outbox->Find(intent));
  IntentReader reader(*device.store, place.priority);
  ASSIGN_OR_RETURN(const std::string_view bytes, reader.Get(place.count));
  OutcomeReader outcomes(*device.store, place.priority);
  return Recorded(outcomes, place, bytes);
}

absl::Status Client::Rep::ListLog(LogPlace from, size_t limit,
                                  std::vector<RecordedIntent>& intents) const {
  const Count first = std::max(from.count, Count(1));
  const Count end = device->outbox->view(from.priority).last;
  if (limit == 0 || first > end) return absl::OkStatus();
  const Count last(first.value() + std::min<uint64_t>(limit - 1, end.Since(first)));
  OutcomeReader outcomes(*device->store, from.priority);
  IntentReader reader(*device->store, from.priority);
  return reader.ForEach(first, last, [&](Count count, std::string_view bytes) {
    auto recorded = Recorded(outcomes, {from.priority, count}, bytes);
    if (recorded.ok()) intents.push_back(*std::move(recorded));
    return recorded.status();
  });
}

absl::StatusOr<std::vector<Client::RecordedIntent>> Client::List(LogPlace from,
                                                                 size_t limit) const {
  std::vector<RecordedIntent> intents;
  for (; from.priority < kClasses;
       from = {static_cast<PriorityClass>(from.priority + 1), Count(1)}) {
    RETURN_IF_ERROR(rep_->ListLog(from, limit - intents.size(), intents));
  }
  return intents;
}

}  // namespace intentlog
