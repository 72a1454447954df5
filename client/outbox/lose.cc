// What becomes of receipts and settlements that the server lost.
#include <algorithm>
#include <optional>
#include <vector>

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/lost_runs.h"
#include "client/outbox/outbox.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

uint64_t Less(uint64_t number) { return number > 0 ? number - 1 : 0; }

// Of a lane and of all, one fewer is open with `decision`, or one more.
void Step(Decision decision, bool more, LaneState& lane, ReceiptCounts& counts) {
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

// What is trimmed cannot go to a server again: its receipts stay.
Count KeptAbove(Count highest, Count first) {
  return first > highest.Next() ? Count(first.value() - 1) : highest;
}

// Whether what is lost now is to have an effect when it comes back: the one that it has, or the one
// that it had before an earlier loss, from which it came back open.
absl::StatusOr<bool> WasEffective(Count count, const IntentOutcome& outcome,
                                  LostRunReader& before) {
  if (IsEffective(outcome.decision)) return true;
  if (!outcome.open()) return false;
  ASSIGN_OR_RETURN(const std::optional<LostRun> run, before.At(count));
  return run && run->first_count() <= count.value() &&
         (run->was_effective() || IsEffective(run->decision()));
}

// Adds an intent that was lost, with what had become of it.
void AddLost(Count count, const IntentOutcome& outcome, bool was_effective,
             const LostReceipts& lost, std::vector<LostRun>& runs) {
  if (!runs.empty()) {
    LostRun& last = runs.back();
    if (last.first_count() + last.length() == count.value() &&
        last.first_position() + last.length() == outcome.position.value() &&
        last.decision() == outcome.decision && last.was_effective() == was_effective) {
      last.set_length(last.length() + 1);
      return;
    }
  }
  LostRun& run = runs.emplace_back();
  run.set_first_count(count.value());
  run.set_length(1);
  run.set_first_position(outcome.position.value());
  run.set_decision(outcome.decision);
  run.set_was_effective(was_effective);
  run.set_epoch_id(lost.epoch_id);
  run.set_epoch_number(lost.epoch_number);
}

// Every row with `prefix` from `from` on.
template <class Use>
absl::Status ForEachRow(const Store& store, std::string_view from, std::string_view prefix,
                        Use use) {
  const auto row = store.Scan(Space::kIndex);
  for (row->Seek(from); row->Valid() && row->key().starts_with(prefix); row->Next()) {
    RETURN_IF_ERROR(use(row->key(), row->value()));
  }
  return row->status();
}

absl::StatusOr<ReceiptRun> ParseRun(std::string_view key, std::string_view value) {
  ReceiptRun run;
  if (run.ParseFromArray(value.data(), static_cast<int>(value.size()))) return run;
  return DataLoss("receipts at count ", CountOf(key), " do not parse");
}

}  // namespace

// Within a device log positions rise with counts.
absl::StatusOr<Count> Outbox::ReceiptedWithin(PriorityClass priority, Position shared) const {
  const std::string prefix = CountPrefix('p', priority);
  const auto row = store_.Scan(Space::kIndex);
  Count within(UINT64_MAX);
  row->SeekBack(CountKey('p', priority, within));
  for (; row->Valid() && row->key().starts_with(prefix); row->Back()) {
    ASSIGN_OR_RETURN(const ReceiptRun run, ParseRun(row->key(), row->value()));
    if (run.first_position() + run.length() - 1 <= shared.value()) break;
    const uint64_t kept =
        shared.value() < run.first_position() ? 0 : shared.value() - run.first_position() + 1;
    within = Count(run.first_count() + kept - 1);
  }
  RETURN_IF_ERROR(row->status());
  return within;
}

absl::Status Outbox::Lose(const LostReceipts& lost, StoreBatch& batch, CommitBatch commit) {
  const Turn turn(*this);
  RETURN_IF_ERROR(failed());
  std::array<Log, kClasses> logs;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    logs = logs_;
  }
  absl::Status status;
  for (Log& log : logs) status.Update(LoseLog(lost, log, batch));
  for (const char kind : {'t', 'v'}) status.Update(DropAbove(kind, lost.shared, batch));
  if (status.ok()) {
    lanes_.Put(batch);
    for (Log& log : logs) {
      log.receipts.prefix = log.view.receipted.value();
      log.receipts.log_bytes = log.bytes;
      log.receipts.log_bytes_through = log.view.last.value();
      batch.Put(Space::kMeta, ClassKey("counts", log.view.priority),
                ReceiptCountsBytes(log.receipts));
    }
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

absl::Status Outbox::LoseLog(const LostReceipts& lost, Log& log, StoreBatch& batch) {
  OutboxView& view = log.view;
  ASSIGN_OR_RETURN(const Count first, IntentReader(store_, view.priority).First());
  const Count highest = KeptAbove(lost.highest[view.priority], first);
  RETURN_IF_ERROR(LoseReceipts(lost, highest, log, batch));
  RETURN_IF_ERROR(Reopen(lost, highest, log, batch));
  view.receipted = std::min(view.receipted, highest);
  std::erase_if(view.islands, [&](const CountRange& one) { return one.first > highest; });
  for (CountRange& island : view.islands) island.last = std::min(island.last, highest);
  return absl::OkStatus();
}

// Every receipt above `highest`.
absl::Status Outbox::LoseReceipts(const LostReceipts& lost, Count highest, Log& log,
                                  StoreBatch& batch) {
  const PriorityClass priority = log.view.priority;
  const std::string prefix = CountPrefix('p', priority);
  std::string from = CountKey('p', priority, highest.Next());
  {  // The run that holds `highest` may go on above it.
    const auto row = store_.Scan(Space::kIndex);
    row->SeekBack(CountKey('p', priority, highest));
    if (row->Valid() && row->key().starts_with(prefix)) from = std::string(row->key());
    RETURN_IF_ERROR(row->status());
  }
  IntentReader intents(store_, priority);
  OutcomeReader outcomes(store_, priority);
  LostRunReader before(store_, priority);
  std::vector<LostRun> runs;
  RETURN_IF_ERROR(
      ForEachRow(store_, from, prefix, [&](std::string_view key, std::string_view value) {
        ASSIGN_OR_RETURN(ReceiptRun run, ParseRun(key, value));
        const Count last(run.first_count() + run.length() - 1);
        if (last <= highest) return absl::OkStatus();
        const Count first = std::max(Count(run.first_count()), highest.Next());
        RETURN_IF_ERROR(intents.ForEach(first, last, [&](Count count, std::string_view intent) {
          ASSIGN_OR_RETURN(const auto outcome, outcomes.Find(count));
          if (!outcome) return DataLoss("the receipt of count ", count, " is missing");
          ASSIGN_OR_RETURN(const bool was_effective, WasEffective(count, *outcome, before));
          AddLost(count, *outcome, was_effective, lost, runs);
          return LoseOne(count, intent, *outcome, log, batch);
        }));
        batch.Delete(Space::kIndex, key);
        if (first.value() == run.first_count()) return absl::OkStatus();
        run.set_length(static_cast<uint32_t>(first.value() - run.first_count()));
        batch.Put(Space::kIndex, key, run.SerializeAsString());
        return absl::OkStatus();
      }));
  return lost.places_kept ? PutLostRuns(store_, priority, runs, batch) : absl::OkStatus();
}

absl::Status Outbox::LoseOne(Count count, std::string_view intent, const IntentOutcome& outcome,
                             Log& log, StoreBatch& batch) {
  const PriorityClass priority = log.view.priority;
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(intent, &view));
  ASSIGN_OR_RETURN(LaneState * lane, lanes_.Edit(view.entity_type, view.entity_id));
  ReceiptCounts& counts = log.receipts;
  const bool open = outcome.open() && !(outcome.decision == REJECTED && IsControl(view.type));
  if (open) {
    Step(outcome.decision, false, *lane, counts);
  } else {
    counts.synced = Less(counts.synced);
  }
  counts.receipts = Less(counts.receipts);
  lane->set_pending(lane->pending() + 1);
  lane->set_last_change_us(clock_.WallMicros());
  batch.Delete(Space::kIndex, PositionKey('o', outcome.position));
  if (outcome.settled_at > Position()) {
    batch.Delete(Space::kIndex, CountKey('s', priority, count));
  }
  return absl::OkStatus();
}

// Every settlement that the server lost of what it still has: that is open again.
absl::Status Outbox::Reopen(const LostReceipts& lost, Count highest, Log& log, StoreBatch& batch) {
  const PriorityClass priority = log.view.priority;
  const std::string prefix = CountPrefix('s', priority);
  IntentReader intents(store_, priority);
  OutcomeReader outcomes(store_, priority);
  return ForEachRow(store_, prefix, prefix, [&](std::string_view key, std::string_view value) {
    const Count count = CountOf(key);
    ASSIGN_OR_RETURN(const ReceiptRun settlement, ParseRun(key, value));
    if (count > highest || settlement.first_position() <= lost.shared.value()) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::optional<IntentOutcome> outcome, outcomes.Find(count));
    if (!outcome) return DataLoss("the receipt of count ", count, " is missing");
    IntentView view;
    ASSIGN_OR_RETURN(const std::string_view intent, intents.Get(count));
    RETURN_IF_ERROR(ReadIntent(intent, &view));
    ASSIGN_OR_RETURN(LaneState * lane, lanes_.Edit(view.entity_type, view.entity_id));
    if (outcome->open()) {
      Step(outcome->decision, false, *lane, log.receipts);
    } else {
      log.receipts.synced = Less(log.receipts.synced);
    }
    Step(outcome->first_decision, true, *lane, log.receipts);
    batch.Delete(Space::kIndex, key);
    batch.Put(Space::kIndex, PositionKey('o', outcome->position),
              OpenIntentBytes({{priority, count}, outcome->first_decision}));
    return absl::OkStatus();
  });
}

// Rows by positions that mean something else from now on.
absl::Status Outbox::DropAbove(char kind, Position shared, StoreBatch& batch) {
  return ForEachRow(store_, PositionKey(kind, shared.Next()), std::string_view(&kind, 1),
                    [&](std::string_view key, std::string_view) {
                      batch.Delete(Space::kIndex, key);
                      return absl::OkStatus();
                    });
}

}  // namespace intentlog
