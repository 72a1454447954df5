#include <array>
#include <memory>
#include <unordered_map>

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/outbox.h"
#include "eventlog/runtime/check.h"
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
  // Open ones that came in this very batch.
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

// The row of a settlement: its position, its decision, and whether a person asked for it.
ReceiptRun ToRun(const SettlementSeen& settlement) {
  ReceiptRun run;
  run.set_first_position(settlement.position.value());
  run.set_length(1);
  run.set_decision(settlement.decision);
  if (settlement.reason.ByteSizeLong() > 0) *run.mutable_reason() = settlement.reason;
  run.set_pointer(settlement.resolved ? 1 : 0);
  return run;
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
    Fail(status);
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
  switch (outcome.decision) {
    case REJECTED:
      lane->set_failed(lane->failed() + 1);
      ++counts.failed;
      return absl::OkStatus();
    case CONFLICTED:
      lane->set_conflicted(lane->conflicted() + 1);
      ++counts.conflicted;
      break;
    case PARKED:
      lane->set_parked(lane->parked() + 1);
      ++counts.parked;
      break;
    default:
      ++counts.synced;
      return absl::OkStatus();
  }
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
  work.batch.Delete(Space::kIndex, PositionKey('o', position));
  work.opened.erase(position);
  return Close(open, settlement, work);
}

absl::Status Outbox::AddSettlement(const SettlementSeen& seen, SettleWork& work) {
  std::optional<OpenIntent> open;
  const auto opened = work.opened.find(seen.of);
  if (opened != work.opened.end()) {
    open = opened->second;
    work.opened.erase(opened);
  } else {
    std::string value;
    ASSIGN_OR_RETURN(const bool found,
                     store_.Get(Space::kIndex, PositionKey('o', seen.of), &value));
    if (found) open = ParseOpenIntent(value);
    if (found && !open) return DataLoss("the open intent at ", seen.of, " does not parse");
  }
  if (open) {
    work.batch.Delete(Space::kIndex, PositionKey('o', seen.of));
    return Close(*open, ToRun(seen), work);
  }
  // Not known to be ours. It may be, as long as something of the entity waits for its receipt.
  const auto lane = ReadLane(store_, seen.entity.type, seen.entity.id);
  if (absl::IsNotFound(lane.status())) return absl::OkStatus();
  RETURN_IF_ERROR(lane.status());
  if (lane->pending() == 0) return absl::OkStatus();
  work.batch.Put(Space::kIndex, PositionKey('t', seen.of), ToRun(seen).SerializeAsString());
  return absl::OkStatus();
}

absl::Status Outbox::Close(const OpenIntent& open, const ReceiptRun& settlement, SettleWork& work) {
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
  ReceiptCounts& counts = work.counts[open.place.priority];
  ASSIGN_OR_RETURN(LaneState * edited, lanes_.Edit(entity_type, entity_id));
  LaneState& lane = *edited;
  lane.set_last_change_us(work.now_us);
  if (open.decision == PARKED) {
    lane.set_parked(Less(lane.parked()));
    counts.parked = Less(counts.parked);
  } else {
    lane.set_conflicted(Less(lane.conflicted()));
    counts.conflicted = Less(counts.conflicted);
  }
  // What a person dropped needs nobody's attention any more; what a rule rejected does.
  if (settlement.decision() == REJECTED && settlement.pointer() == 0) {
    lane.set_failed(lane.failed() + 1);
    ++counts.failed;
  } else {
    ++counts.synced;
  }
  settlement.SerializeToString(&work.bytes);
  work.batch.Put(Space::kIndex, CountKey('s', open.place.priority, count), work.bytes);
  work.settled.closed.push_back(open.place);
  return absl::OkStatus();
}

}  // namespace intentlog
