// What is safe elsewhere leaves the device log.
#include <optional>

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/outbox.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"

namespace intentlog {
namespace {

// Removed by one write.
constexpr size_t kRowsAtOnce = 1000;

// Of a range of ids only the first one says where it is; the others are found in the row itself,
// which goes: so that an id that was recorded once is known for good.
absl::Status KeepIds(const AppendRow& append, LogPlace first, StoreBatch& batch) {
  AppendRow::Place place;
  for (uint32_t i = 0; i < append.size(); ++i) {
    IntentView intent;
    RETURN_IF_ERROR(ReadIntent(append.Walk(i, &place), &intent));
    if (i == 0) continue;
    batch.Put(Space::kIndex, GivenIdKey(IntentId::FromBytes(intent.intent_id)),
              PlaceBytes({first.priority, first.count.Plus(i)}));
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t Outbox::log_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  uint64_t bytes = 0;
  for (const Log& log : logs_) bytes += log.bytes;
  return bytes;
}

absl::StatusOr<uint64_t> Outbox::Trim(PriorityClass priority, uint64_t bytes, IsSafe is_safe) {
  const Turn turn(*this);
  RETURN_IF_ERROR(failed());
  Log log;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    log = logs_[priority];
  }
  OutcomeReader outcomes(store_, priority);
  const auto safe = [&](Count count, std::string_view bytes) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const auto outcome, outcomes.Find(count));
    if (Planted(Bug::kTrimsUnsafe)) return true;
    if (!outcome || outcome->open()) return false;
    IntentView intent;
    RETURN_IF_ERROR(ReadIntent(bytes, &intent));
    return is_safe(*outcome, intent);
  };
  const std::string prefix = CountPrefix('i', priority);
  const auto row = store_.Scan(Space::kLog);
  StoreBatch batch;
  uint64_t freed = 0;
  size_t rows = 0;
  row->Seek(CountKey('i', priority, Count()));
  for (; row->Valid() && row->key().substr(0, prefix.size()) == prefix; row->Next()) {
    if (freed >= bytes || rows == kRowsAtOnce) break;
    ASSIGN_OR_RETURN(const AppendRow append, AppendRow::Parse(row->value()));
    const Count first = CountOf(row->key());
    const Count last = first.Plus(append.size() - 1);
    if (last > log.view.receipted || last >= log.view.last) break;
    bool all_safe = true;
    AppendRow::Place place;
    for (uint32_t i = 0; i < append.size() && all_safe; ++i) {
      ASSIGN_OR_RETURN(all_safe, safe(first.Plus(i), append.Walk(i, &place)));
    }
    if (!all_safe) break;
    RETURN_IF_ERROR(KeepIds(append, {priority, first}, batch));
    batch.Delete(Space::kLog, row->key());
    freed += row->key().size() + row->value().size();
    ++rows;
  }
  RETURN_IF_ERROR(row->status());
  if (rows == 0) return 0;
  ReceiptCounts counts = log.receipts;
  counts.log_bytes = log.bytes - freed;
  counts.log_bytes_through = log.view.last.value();
  batch.Put(Space::kMeta, ClassKey("counts", priority), ReceiptCountsBytes(counts));
  const absl::Status status = store_.Commit(batch, ::intentlog::Sync::kBuffered);
  if (!status.ok()) {
    NotWritten(status);
    return status;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  logs_[priority].bytes -= freed;
  logs_[priority].receipts = counts;
  return freed;
}

}  // namespace intentlog
