#include "client/outbox/intent_reader.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

IntentReader::IntentReader(const Store& store, PriorityClass priority)
    : store_(store),
      prefix_(CountPrefix('i', priority)),
      priority_(priority),
      cursor_(store.Scan(Space::kLog)) {}

bool IntentReader::AtRow() const {
  return cursor_->Valid() && cursor_->key().size() == prefix_.size() + 8 &&
         cursor_->key().substr(0, prefix_.size()) == prefix_;
}

absl::StatusOr<IntentReader::RowAt> IntentReader::Current() {
  row_.reset();
  const Count first = CountOf(cursor_->key());
  auto row = AppendRow::Parse(cursor_->value());
  if (!row.ok()) return DataLoss("device log, count ", first, ": ", row.status());
  return RowAt{first, *row};
}

absl::StatusOr<IntentReader::RowAt> IntentReader::Find(Count count) {
  cursor_->SeekBack(CountKey('i', priority_, count));
  if (!AtRow()) {
    RETURN_IF_ERROR(cursor_->status());
    return NotFound("device log: there is no count ", count);
  }
  ASSIGN_OR_RETURN(RowAt at, Current());
  if (at.last() < count) return NotFound("device log: there is no count ", count);
  return at;
}

absl::StatusOr<std::optional<IntentReader::RowAt>> IntentReader::Next() {
  if (cursor_->Valid()) cursor_->Next();
  if (!AtRow()) {
    RETURN_IF_ERROR(cursor_->status());
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(RowAt at, Current());
  return at;
}

absl::StatusOr<Count> IntentReader::First() {
  row_.reset();
  cursor_->Seek(CountKey('i', priority_, Count()));
  RETURN_IF_ERROR(cursor_->status());
  return AtRow() ? CountOf(cursor_->key()) : Count();
}

absl::StatusOr<std::optional<IntentReader::RowAt>> IntentReader::Last() {
  cursor_->SeekBack(CountKey('i', priority_, Count(UINT64_MAX)));
  if (!AtRow()) {
    RETURN_IF_ERROR(cursor_->status());
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(RowAt at, Current());
  return at;
}

absl::StatusOr<std::string_view> IntentReader::Get(Count count) {
  const bool ahead = row_ && count >= row_->first.Plus(next_.index) && count <= row_->last();
  if (!ahead) {
    ASSIGN_OR_RETURN(const RowAt found, Find(count));
    row_ = found;
    next_ = {};
  }
  return row_->row.Walk(static_cast<uint32_t>(count.Since(row_->first)), &next_);
}

absl::Status IntentReader::ForEach(Count first, Count last, Use use) {
  if (first > last) return absl::OkStatus();
  auto found = Find(first);
  if (!found.ok()) return DataLoss(found.status());
  RowAt at = *found;
  Count next = first;
  while (true) {
    absl::Status status;
    at.row.ForEach([&](uint32_t index, std::string_view intent) {
      const Count count = at.first.Plus(index);
      if (!status.ok() || count < first || count > last) return;
      status = use(count, intent);
    });
    RETURN_IF_ERROR(status);
    next = at.last().Next();
    if (next > last) return absl::OkStatus();
    ASSIGN_OR_RETURN(auto following, Next());
    if (!following || following->first != next) {
      return DataLoss("device log: count ", next, " is missing");
    }
    at = *following;
  }
}

namespace {

// What the intents of a row take in a frame: tag and length of each besides its bytes.
size_t FrameBytes(const AppendRow& row) {
  constexpr size_t kFieldOverhead = 6;
  return row.intent_bytes() + size_t{row.size()} * kFieldOverhead;
}

}  // namespace

absl::StatusOr<std::optional<ChainValue>> NewHashBefore(const Store& store, PriorityClass priority,
                                                        Count count) {
  std::string value;
  ASSIGN_OR_RETURN(const bool found,
                   store.Get(Space::kIndex, CountKey('h', priority, count), &value));
  if (!found) return std::nullopt;
  ChainValue hash;
  if (value.size() != hash.size() || !ToChainValue(value, &hash)) {
    return DataLoss("device log: the hash before count ", count, " does not parse");
  }
  return hash;
}

absl::StatusOr<ChainValue> IntentReader::HashBefore(const RowAt& at) const {
  ASSIGN_OR_RETURN(const auto hash, NewHashBefore(store_, priority_, at.first));
  return hash.value_or(at.row.hash_before());
}

absl::StatusOr<Count> IntentReader::FillPush(Count from, Count last, size_t bytes_max, Count before,
                                             Push* push) {
  ASSIGN_OR_RETURN(RowAt at, Find(from));
  push->set_first_count(at.first.Since(before));
  if (at.first > before.Next()) {
    ASSIGN_OR_RETURN(const ChainValue hash, HashBefore(at));
    push->set_hash_before(std::string(Bytes(hash)));
  }
  size_t bytes = 0;
  Count end;
  while (true) {
    at.row.ForEach([&](uint32_t index, std::string_view intent) {
      if (Planted(Bug::kPushCutsBatch) && index >= 3) return;
      push->add_intents(intent.data(), intent.size());
    });
    bytes += FrameBytes(at.row);
    end = at.last();
    if (end >= last || bytes >= bytes_max) return end;
    ASSIGN_OR_RETURN(auto following, Next());
    if (!following || following->last() > last || bytes + FrameBytes(following->row) > bytes_max) {
      return end;
    }
    if (following->first != end.Next()) {
      return DataLoss("device log: count ", end.Next(), " is missing");
    }
    at = *following;
  }
}

// The run at or before `count`, if it covers it.
absl::StatusOr<std::optional<ReceiptRun>> OutcomeReader::FindRun(Count count) {
  cursor_->SeekBack(CountKey('p', priority_, count));
  const std::string prefix = CountPrefix('p', priority_);
  if (!cursor_->Valid() || cursor_->key().substr(0, prefix.size()) != prefix) {
    RETURN_IF_ERROR(cursor_->status());
    return std::nullopt;
  }
  ReceiptRun run;
  if (!run.ParseFromArray(cursor_->value().data(), static_cast<int>(cursor_->value().size()))) {
    return DataLoss("receipts at count ", CountOf(cursor_->key()), " do not parse");
  }
  if (count.value() - run.first_count() >= run.length()) return std::nullopt;
  return run;
}

absl::StatusOr<std::optional<IntentOutcome>> OutcomeReader::Find(Count count) {
  ASSIGN_OR_RETURN(const std::optional<ReceiptRun> run, FindRun(count));
  if (!run) return std::nullopt;
  IntentOutcome outcome;
  outcome.position = Position(run->first_position() + (count.value() - run->first_count()));
  outcome.decision = outcome.first_decision = run->decision();
  outcome.reason = run->reason();
  outcome.pointer = run->pointer();
  if (!outcome.open()) return outcome;
  cursor_->Seek(CountKey('s', priority_, count));
  if (!cursor_->Valid() || cursor_->key() != CountKey('s', priority_, count)) {
    RETURN_IF_ERROR(cursor_->status());
    return outcome;
  }
  ReceiptRun settlement;
  if (!settlement.ParseFromArray(cursor_->value().data(),
                                 static_cast<int>(cursor_->value().size()))) {
    return DataLoss("the settlement of count ", count, " does not parse");
  }
  outcome.decision = settlement.decision();
  outcome.reason = settlement.reason();
  outcome.settled_at = Position(settlement.first_position());
  outcome.resolved = settlement.pointer() == kSettlementDone;
  return outcome;
}

absl::StatusOr<std::optional<IntentOutcome>> OutcomeOf(const Store& store, PriorityClass priority,
                                                       Count count) {
  return OutcomeReader(store, priority).Find(count);
}

}  // namespace intentlog
