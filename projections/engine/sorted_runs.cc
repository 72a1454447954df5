#include "projections/engine/sorted_runs.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// A slice holds up to this many rows and bytes of one run, less where there are many runs.
constexpr size_t kSliceRowsMax = 512;
constexpr size_t kSliceRowsMin = 8;
constexpr size_t kAllRows = 64 << 10;
constexpr size_t kAllBytes = 8 << 20;

}  // namespace

SortedRuns::SortedRuns(const StoreSnapshot& snapshot, std::vector<std::string> prefixes,
                       std::string_view from)
    : cursor_(snapshot.Scan(Space::kRows)) {
  runs_.resize(prefixes.size());
  for (size_t i = 0; i < prefixes.size(); ++i) {
    runs_[i].resume = Cat(prefixes[i], from);
    runs_[i].prefix = std::move(prefixes[i]);
  }
}

absl::Status SortedRuns::Start() {
  for (size_t i = 0; i < runs_.size(); ++i) RETURN_IF_ERROR(AdvanceRun(i));
  return absl::OkStatus();
}

absl::Status SortedRuns::Advance() {
  std::pop_heap(heap_.begin(), heap_.end(), [this](size_t a, size_t b) { return After(a, b); });
  const size_t run = heap_.back();
  heap_.pop_back();
  return AdvanceRun(run);
}

absl::Status SortedRuns::AdvanceRun(size_t index) {
  Run& run = runs_[index];
  if (run.next == run.rows.size()) {
    if (run.resume.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(ReadSlice(run));
    if (run.rows.empty()) return absl::OkStatus();
  }
  const size_t begin = run.next == 0 ? 0 : run.rows[run.next - 1].value_end;
  const Run::Place place = run.rows[run.next++];
  const std::string_view bytes = run.bytes;
  run.key = bytes.substr(begin, place.key_end - begin);
  run.value = bytes.substr(place.key_end, place.value_end - place.key_end);
  heap_.push_back(index);
  std::push_heap(heap_.begin(), heap_.end(), [this](size_t a, size_t b) { return After(a, b); });
  return absl::OkStatus();
}

absl::Status SortedRuns::ReadSlice(Run& run) {
  const size_t rows_max = std::clamp(kAllRows / runs_.size(), kSliceRowsMin, kSliceRowsMax);
  const size_t bytes_max = kAllBytes / runs_.size();
  cursor_->Seek(run.resume);
  run.resume.clear();
  run.bytes.clear();
  run.rows.clear();
  run.next = 0;
  for (; cursor_->Valid(); cursor_->Next()) {
    const std::string_view key = cursor_->key();
    if (key.substr(0, run.prefix.size()) != run.prefix) break;
    if (run.rows.size() >= rows_max || (run.bytes.size() >= bytes_max && !run.rows.empty())) {
      run.resume.assign(key);
      break;
    }
    run.bytes.append(key.substr(run.prefix.size()));
    const size_t key_end = run.bytes.size();
    run.bytes.append(cursor_->value());
    run.rows.push_back({key_end, run.bytes.size()});
  }
  return cursor_->status();
}

bool SortedRuns::After(size_t a, size_t b) const {
  const int order = runs_[a].key.compare(runs_[b].key);
  return order != 0 ? order > 0 : a > b;
}

}  // namespace intentlog
