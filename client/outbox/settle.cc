#include <array>
#include <memory>
#include <unordered_map>

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/outbox.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

// What one Settle has changed so far.
struct Outbox::SettleWork {
  SettleWork(const Store& store, StoreBatch& batch, Settled& settled)
      : store(store), batch(batch), settled(settled) {}

  IntentReader& ReaderOf(PriorityClass priority) {
    auto& reader = readers[priority];
    if (reader == nullptr) reader = std::make_unique<IntentReader>(store, priority);
    return *reader;
  }

  const Store& store;
  StoreBatch& batch;
  Settled& settled;
  std::array<std::unique_ptr<IntentReader>, kClasses> readers;
  std::array<ReceiptCounts, kClasses> counts;
  int64_t now_us = 0;
  // What this very batch opened, turned or closed; without a decision: closed.
  std::unordered_map<Position, OpenIntent> opened;
  std::string bytes;
};

namespace {

uint64_t Less(uint64_t number) { return number > 0 ? number - 1 : 0; }

ReceiptRun ToRun(const Outcome& outcome) {
  ReceiptRun run;
  run.set_first_count(outcome.first.value());
  run.set_first_position(outcome.position.value());
  run.set_length(outcome.length);
  run.set_decision(outcome.decision);
  if (outcome.reason.ByteSizeLong() > 0) *run.mutable_reason() = outcome.reason;
  run.set_pointer(outcome.pointer);
  return run;
}

// What a rule rejected needs attention; what a person dropped, amended or dismissed does not.
ReceiptRun ToRun(const SettlementSeen& settlement) {
  ReceiptRun run;
  run.set_first_position(settlement.position.value());
  run.set_length(1);
  run.set_decision(settlement.decision);
  if (settlement.reason.ByteSizeLong() > 0) *run.mutable_reason() = settlement.reason;
  const bool done = settlement.resolved || settlement.reason.code() == Reason::DROPPED;
  run.set_pointer(settlement.turned ? kSettlementTurned : done ? kSettlementDone : 0);
  return run;
}

// Of a lane and of all: how many are open with `decision` grows or shrinks by one.
void AddOpen(Decision decision, bool more, LaneState& lane, ReceiptCounts& counts) {
  const auto step = [more](uint64_t number) { return more ? number + 1 : Less(number); };
  if (decision == PARKED) {
    lane.set_parked(step(lane.parked()));
    counts.parked = step(counts.parked);
  } else if (decision == CONFLICTED) {
    lane.set_conflicted(step(lane.conflicted()));
    counts.conflicted = step(counts.conflicted);
  } else {
    lane.set_failed(step(lane.failed()));
    counts.failed = step(counts.failed);
  }
}

}  // namespace

absl::Status Outbox::Settle(const Settling& settling, StoreBatch& batch, CommitBatch commit,
                            Settled* settled) {
  const Turn turn(*this);
  RETURN_IF_ERROR(failed());
  SettleWork work(store_, batch, *settled);
  std::array<Log, kClasses> logs;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    logs = logs_;
  }
  for (size_t i = 0; i < kClasses; ++i) work.counts[i] = logs[i].receipts;
  work.now_us = clock_.WallMicros();
  absl::Status status;
  for (const Outcome& outcome : settling.outcomes) status.Update(AddOutcome(outcome, work));
  for (const SettlementSeen& seen : settling.settlements) status.Update(AddSettlement(seen, work));
  if (status.ok()) {
    for (const Outcome& outcome : settling.outcomes) {
      AddOutcomes({&outcome, 1}, logs[outcome.priority].view);
    }
    lanes_.Put(batch);
    PutCounts(absl::MakeSpan(logs), work);
    status = commit(batch);
  }
  if (!status.ok()) {
    NotWritten(status);
    return status;
  }
  lanes_.Written();
  const std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < kClasses; ++i) {
    logs_[i].receipts = logs[i].receipts;
    logs_[i].view.receipted = logs[i].view.receipted;
    logs_[i].view.islands = std::move(logs[i].view.islands);
  }
  return absl::OkStatus();
}

// The counts of the logs that changed.
void Outbox::PutCounts(absl::Span<Log> logs, SettleWork& work) {
  for (Log& log : logs) {
    const PriorityClass priority = log.view.priority;
    ReceiptCounts& counts = work.counts[priority];
    counts.prefix = log.view.receipted.value();
    if (counts == log.receipts) continue;
    counts.log_bytes = log.bytes;
    counts.log_bytes_through = log.view.last.value();
    work.batch.Put(Space::kMeta, ClassKey("counts", priority), ReceiptCountsBytes(counts));
    log.receipts = counts;
  }
}

absl::Status Outbox::AddOutcome(const Outcome& outcome, SettleWork& work) {
  ToRun(outcome).SerializeToString(&work.bytes);
  work.batch.Put(Space::kIndex, CountKey('p', outcome.priority, outcome.first), work.bytes);
  work.counts[outcome.priority].receipts += outcome.length;
  return work.ReaderOf(outcome.priority)
      .ForEach(outcome.first, outcome.last(), [&](Count count, std::string_view intent) {
        return AddOneOutcome(count, intent, outcome, work);
      });
}

absl::Status Outbox::AddOneOutcome(Count count, std::string_view intent, const Outcome& outcome,
                                   SettleWork& work) {
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(intent, &view));
  ReceiptCounts& counts = work.counts[outcome.priority];
  ASSIGN_OR_RETURN(LaneState * lane, lanes_.Edit(view.entity_type, view.entity_id));
  lane->set_pending(Less(lane->pending()));
  lane->set_last_change_us(work.now_us);
  // A refused Resolve, Amend or Dismiss is over: what it was about says itself that it is open.
  if (!IsOpen(outcome.decision, IsControl(view.type))) {
    ++counts.synced;
    return absl::OkStatus();
  }
  AddOpen(outcome.decision, true, *lane, counts);
  const Position position = outcome.position.Plus(count.Since(outcome.first));
  const OpenIntent open{{outcome.priority, count}, outcome.decision};
  work.batch.Put(Space::kIndex, PositionKey('o', position), OpenIntentBytes(open));
  work.opened[position] = open;
  // Its settlement may have come first.
  std::string early;
  ASSIGN_OR_RETURN(const bool known, store_.Get(Space::kIndex, PositionKey('t', position), &early));
  if (!known) return absl::OkStatus();
  ReceiptRun settlement;
  if (!settlement.ParseFromString(early)) {
    return DataLoss("the settlement of position ", position, " does not parse");
  }
  work.batch.Delete(Space::kIndex, PositionKey('t', position));
  return Close(position, open, settlement, work);
}

absl::Status Outbox::AddSettlement(const SettlementSeen& seen, SettleWork& work) {
  if (Planted(Bug::kSettlementForgotten)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<OpenIntent> open, FindOpen(seen, work));
  return open ? Close(seen.of, *open, ToRun(seen), work) : NoteEarly(seen, work);
}

// The intent of this device that `seen` is about; nothing if it is not known to be one.
absl::StatusOr<std::optional<OpenIntent>> Outbox::FindOpen(const SettlementSeen& seen,
                                                           SettleWork& work) {
  const auto opened = work.opened.find(seen.of);
  if (opened != work.opened.end()) {
    if (opened->second.decision == DECISION_UNSPECIFIED) return std::nullopt;
    return opened->second;
  }
  std::string value;
  ASSIGN_OR_RETURN(const bool found, store_.Get(Space::kIndex, PositionKey('o', seen.of), &value));
  if (!found) {
    const auto lane = ReadLane(store_, seen.entity.type, seen.entity.id);
    if (!lane.ok() || lane->failed() == 0) return std::nullopt;
    return FindOldRejected(seen.of);
  }
  const auto open = ParseOpenIntent(value);
  if (!open) return DataLoss("the open intent at ", seen.of, " does not parse");
  return open;
}

// Older versions wrote no 'o' row for what was rejected; they had class 0 alone. Positions grow
// with counts.
absl::StatusOr<std::optional<OpenIntent>> Outbox::FindOldRejected(Position position) const {
  const std::string prefix = CountPrefix('p', kPlainClass);
  const auto row = store_.Scan(Space::kIndex);
  row->SeekBack(CountKey('p', kPlainClass, Count(UINT64_MAX)));
  for (; row->Valid() && row->key().substr(0, prefix.size()) == prefix; row->Back()) {
    ReceiptRun run;
    if (!run.ParseFromArray(row->value().data(), static_cast<int>(row->value().size()))) {
      return DataLoss("receipts at count ", CountOf(row->key()), " do not parse");
    }
    if (run.first_position() > position.value()) continue;
    const uint64_t index = position.value() - run.first_position();
    if (index >= run.length() || run.decision() != REJECTED) break;
    const OpenIntent open{{kPlainClass, Count(run.first_count() + index)}, REJECTED};
    std::string settled;
    ASSIGN_OR_RETURN(
        const bool closed,
        store_.Get(Space::kIndex, CountKey('s', open.place.priority, open.place.count), &settled));
    if (closed) break;
    return open;
  }
  RETURN_IF_ERROR(row->status());
  return std::nullopt;
}

// It may be about an intent of this device, as long as something of the entity waits for its
// receipt.
absl::Status Outbox::NoteEarly(const SettlementSeen& seen, SettleWork& work) {
  const auto lane = ReadLane(store_, seen.entity.type, seen.entity.id);
  if (absl::IsNotFound(lane.status())) return absl::OkStatus();
  RETURN_IF_ERROR(lane.status());
  if (lane->pending() == 0) return absl::OkStatus();
  work.batch.Put(Space::kIndex, PositionKey('t', seen.of), ToRun(seen).SerializeAsString());
  return absl::OkStatus();
}

absl::Status Outbox::Close(Position of, const OpenIntent& open, const ReceiptRun& settlement,
                           SettleWork& work) {
  const Count count = open.place.count;
  std::string entity_type;
  std::string entity_id;
  IntentReader& reader = work.ReaderOf(open.place.priority);
  RETURN_IF_ERROR(reader.ForEach(count, count, [&](Count, std::string_view intent) {
    IntentView view;
    RETURN_IF_ERROR(ReadIntent(intent, &view));
    entity_type = view.entity_type;
    entity_id = view.entity_id;
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(LaneState * lane, lanes_.Edit(entity_type, entity_id));
  lane->set_last_change_us(work.now_us);
  ReceiptCounts& counts = work.counts[open.place.priority];
  AddOpen(open.decision, false, *lane, counts);
  const Decision decision = settlement.decision();
  if (IsOpen(decision, settlement.pointer() == kSettlementDone)) {
    AddOpen(decision, true, *lane, counts);
    const OpenIntent still{open.place, decision};
    work.batch.Put(Space::kIndex, PositionKey('o', of), OpenIntentBytes(still));
    work.opened[of] = still;
  } else {
    ++counts.synced;
    work.batch.Delete(Space::kIndex, PositionKey('o', of));
    work.opened[of] = {open.place, DECISION_UNSPECIFIED};
  }
  settlement.SerializeToString(&work.bytes);
  work.batch.Put(Space::kIndex, CountKey('s', open.place.priority, count), work.bytes);
  work.settled.closed.push_back(open.place);
  return absl::OkStatus();
}

}  // namespace intentlog
