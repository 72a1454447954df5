#include "client/outbox/lost_runs.h"

#include <algorithm>
#include <string>

#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

LostRunReader::LostRunReader(const Store& store, PriorityClass priority)
    : priority_(priority), cursor_(store.Scan(Space::kIndex)) {
  const std::string prefix = CountPrefix('w', priority_);
  cursor_->Seek(prefix);
  any_ = cursor_->Valid() && cursor_->key().starts_with(prefix);
}

absl::StatusOr<std::optional<LostRun>> LostRunReader::Current() const {
  RETURN_IF_ERROR(cursor_->status());
  if (!cursor_->Valid() || !cursor_->key().starts_with(CountPrefix('w', priority_))) {
    return std::optional<LostRun>();
  }
  std::optional<LostRun> run(std::in_place);
  const std::string_view value = cursor_->value();
  if (run->ParseFromArray(value.data(), static_cast<int>(value.size())) && run->length() > 0) {
    return run;
  }
  return DataLoss("the lost run at count ", CountOf(cursor_->key()), " does not parse");
}

absl::StatusOr<std::optional<LostRun>> LostRunReader::At(Count count) {
  if (!any_) return std::optional<LostRun>();
  cursor_->SeekBack(CountKey('w', priority_, count));
  ASSIGN_OR_RETURN(const std::optional<LostRun> before, Current());
  if (before && before->first_count() + before->length() > count.value()) return before;
  cursor_->Seek(CountKey('w', priority_, count));
  return Current();
}

namespace {

uint64_t EndOf(const LostRun& run) { return run.first_count() + run.length(); }

// The counts from `first` up to `end` of a run that holds them.
LostRun PartOf(const LostRun& run, uint64_t first, uint64_t end) {
  LostRun part = run;
  part.set_first_count(first);
  part.set_first_position(run.first_position() + (first - run.first_count()));
  part.set_length(static_cast<uint32_t>(end - first));
  return part;
}

}  // namespace

absl::Status PutLostRuns(const Store& store, PriorityClass priority,
                         const std::vector<LostRun>& runs, StoreBatch& batch) {
  if (runs.empty()) return absl::OkStatus();
  const auto put = [&](const LostRun& run) {
    batch.Put(Space::kIndex, CountKey('w', priority, Count(run.first_count())),
              run.SerializeAsString());
  };
  const std::string prefix = CountPrefix('w', priority);
  const auto row = store.Scan(Space::kIndex);
  auto begin = runs.begin();  // those before it end before any row that is to come
  for (row->Seek(prefix); row->Valid() && row->key().starts_with(prefix); row->Next()) {
    LostRun old;
    const std::string_view value = row->value();
    if (!old.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      return DataLoss("the lost run at count ", CountOf(row->key()), " does not parse");
    }
    batch.Delete(Space::kIndex, row->key());
    uint64_t next = old.first_count();
    while (begin != runs.end() && EndOf(*begin) <= next) ++begin;
    for (auto run = begin; run != runs.end() && run->first_count() < EndOf(old); ++run) {
      if (run->first_count() > next) put(PartOf(old, next, run->first_count()));
      next = EndOf(*run);
    }
    if (next < EndOf(old)) put(PartOf(old, next, EndOf(old)));
  }
  RETURN_IF_ERROR(row->status());
  for (const LostRun& run : runs) put(run);
  return absl::OkStatus();
}

absl::Status AddLostRuns(const Store& store, PriorityClass priority, Count before, Push& push) {
  LostRunReader reader(store, priority);
  const uint64_t begin = before.Plus(push.first_count()).value();
  const uint64_t end = begin + static_cast<uint64_t>(push.intents_size());
  for (uint64_t at = begin; at < end;) {
    ASSIGN_OR_RETURN(const std::optional<LostRun> run, reader.At(Count(at)));
    if (!run || run->first_count() >= end) break;
    const uint64_t first = std::max(at, run->first_count());
    const uint64_t last = std::min(end, run->first_count() + run->length());
    LostRun& told = *push.add_lost();
    told = PartOf(*run, first, last);
    told.set_first_count(first - before.value());
    at = last;
  }
  return absl::OkStatus();
}

}  // namespace intentlog
