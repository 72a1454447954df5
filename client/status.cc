// The honest answers: what is saved, what waits, and why.
#include <algorithm>

#include "client/client_rep.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/lanes.h"
#include "client/outbox/pending.h"
#include "client/sync/why.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

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

LogName ToName(const DeviceLogState& log) {
  return {LogId::FromBytes(log.log_id()), Count(log.counts_before()), log.continues_why(),
          absl::FromUnixMicros(log.continued_at_us())};
}

std::vector<LogName> NamesOf(const DeviceLogState& log) {
  std::vector<LogName> names;
  for (const DeviceLogState& former : log.former()) names.push_back(ToName(former));
  names.push_back(ToName(log));
  return names;
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
  const Clock& clock = *rep_->options.runtime.clock;
  const OutboxCounts counts = device.outbox->counts();
  ClientStatus status;
  status.tenant = device.identity.tenant();
  status.device = device.identity.device();
  status.log_id = device.logs->plain();
  status.counts = ToCounts(counts);
  for (const DeviceLogs::Named& log : device.logs->All()) {
    LogStatus& one = status.logs.emplace_back();
    one.priority = log.priority;
    one.log_id = log.id;
    if (const auto state = device.logs->StateOf(log.priority)) one.names = NamesOf(*state);
    one.counts = ToCounts(device.outbox->counts(log.priority));
    one.blocked_by = WhyLog(device, sync, clock, log.priority);
  }
  const auto oldest = FindOldestPending(*device.outbox);
  if (oldest.ok() && oldest->has_value()) {
    const absl::Time recorded = absl::FromUnixMicros((*oldest)->device_time_us);
    status.oldest_pending_age = std::max(absl::ZeroDuration(), clock.WallNow() - recorded);
  }
  status.syncing = sync.syncing;
  status.connected = sync.connected;
  status.held = sync.reason == SyncState::Reason::kHeld;
  status.server_head = sync.server_head;
  for (const auto& [scope, cursor] : device.cursors->All()) {
    status.scopes.push_back({scope, cursor.position, cursor.held_after, cursor.anew});
  }
  status.blocked_by = WhyDevice(device, sync, clock);
  status.log_bytes = device.held_bytes();
  status.log_bytes_max = device.quota.bytes_max;
  status.clock_steps = device.clock->steps();
  status.digests_equal = sync.digests_equal;
  status.digests_unequal = sync.digests_unequal;
  status.last_error = sync.last_error;
  return status;
}

absl::StatusOr<BlockedBy> Client::Why(const IntentId& intent) const {
  ASSIGN_OR_RETURN(const LogPlace place, rep_->device->outbox->Find(intent));
  return WhyIntent(*rep_->device, rep_->syncer.state(), *rep_->options.runtime.clock, place);
}

absl::StatusOr<BlockedBy> Client::Why(const Entity& entity) const {
  return WhyEntity(*rep_->device, rep_->syncer.state(), *rep_->options.runtime.clock, entity);
}

absl::StatusOr<Client::RecordedIntent> Client::Find(const IntentId& intent) const {
  const Device& device = *rep_->device;
  ASSIGN_OR_RETURN(const LogPlace place, device.outbox->Find(intent));
  IntentReader reader(*device.store, place.priority);
  OutcomeReader outcomes(*device.store, place.priority);
  ASSIGN_OR_RETURN(const Count held, reader.First());
  if (place.count < held) {
    ASSIGN_OR_RETURN(RecordedIntent recorded, Recorded(outcomes, place, std::string_view()));
    recorded.intent.set_intent_id(std::string(intent.bytes()));
    recorded.trimmed = true;
    return recorded;
  }
  ASSIGN_OR_RETURN(const std::string_view bytes, reader.Get(place.count));
  return Recorded(outcomes, place, bytes);
}

absl::Status Client::Rep::ListLog(LogPlace from, size_t limit,
                                  std::vector<RecordedIntent>& intents) const {
  // Before the reader, which has nothing that is recorded after it was made.
  const Count end = device->outbox->view(from.priority).last;
  IntentReader reader(*device->store, from.priority);
  ASSIGN_OR_RETURN(const Count held, reader.First());
  const Count first = std::max(from.count, held);
  if (limit == 0 || first > end) return absl::OkStatus();
  const Count last(first.value() + std::min<uint64_t>(limit - 1, end.Since(first)));
  OutcomeReader outcomes(*device->store, from.priority);
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
