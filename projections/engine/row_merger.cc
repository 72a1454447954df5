#include "projections/engine/row_merger.h"

#include <algorithm>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_keys.h"

namespace intentlog {
namespace {

// A slice holds up to this many rows and bytes of one scope, less where there are many scopes.
constexpr size_t kSliceRowsMax = 512;
constexpr size_t kSliceRowsMin = 8;
constexpr size_t kAllRows = 64 << 10;
constexpr size_t kAllBytes = 8 << 20;

}  // namespace

RowMerger::RowMerger(OpenProjection projection, std::shared_ptr<const StoreSnapshot> snapshot,
                     const std::vector<std::string>& scopes, std::string_view from_key)
    : projection_(std::move(projection)),
      snapshot_(std::move(snapshot)),
      cursor_(snapshot_->Scan(Space::kRows)) {
  runs_.resize(scopes.size());
  for (size_t i = 0; i < scopes.size(); ++i) {
    runs_[i].prefix = RowPrefix(projection_.build, scopes[i]);
    runs_[i].resume = Cat(runs_[i].prefix, from_key);
  }
}

absl::StatusOr<const MergedRow*> RowMerger::Next() {
  if (status_.ok() && !started_) status_ = Start();
  if (status_.ok() && heap_.empty()) return nullptr;
  if (status_.ok()) status_ = MergeNext();
  if (!status_.ok()) return status_;
  return &merged_;
}

absl::Status RowMerger::Start() {
  started_ = true;
  for (size_t i = 0; i < runs_.size(); ++i) RETURN_IF_ERROR(Advance(i));
  return absl::OkStatus();
}

absl::Status RowMerger::MergeNext() {
  merged_.key.assign(runs_[heap_.front()].key);
  bool first = true;
  while (!heap_.empty() && runs_[heap_.front()].key == merged_.key) {
    const size_t index = PopHeap();
    if (first) {
      RETURN_IF_ERROR(Parse(runs_[index], merged_.row));
    } else if (projection_.projection->merges()) {
      RETURN_IF_ERROR(Parse(runs_[index], other_));
      RETURN_IF_ERROR(projection_.projection->Merge(other_, merged_.row));
    }
    first = false;
    RETURN_IF_ERROR(Advance(index));
  }
  return absl::OkStatus();
}

absl::Status RowMerger::Parse(const Run& run, Row& row) const {
  if (RowAccess::Parse(*projection_.prototype, run.value, row)) return absl::OkStatus();
  return DataLoss("view ", projection_.info.name, ", key ", Quoted(run.key),
                  ": the stored row does not parse: rebuild the read models");
}

absl::Status RowMerger::Advance(size_t index) {
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

absl::Status RowMerger::ReadSlice(Run& run) {
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

bool RowMerger::After(size_t a, size_t b) const {
  const int order = runs_[a].key.compare(runs_[b].key);
  return order != 0 ? order > 0 : a > b;
}

size_t RowMerger::PopHeap() {
  std::pop_heap(heap_.begin(), heap_.end(), [this](size_t a, size_t b) { return After(a, b); });
  const size_t run = heap_.back();
  heap_.pop_back();
  return run;
}

}  // namespace intentlog
