#include "client/conditions/clock_watch.h"

#include <algorithm>
#include <string>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr std::string_view kClockKey = "clock";
constexpr size_t kRowSize = 4 + 8;

}  // namespace

bool IsClockStep(const ClockReading& before, const ClockReading& now,
                 const ClockWatchOptions& options) {
  const absl::Duration passed = now.passed - before.passed;
  const absl::Duration parted = (now.wall - before.wall) - passed;
  return absl::AbsDuration(parted) > options.step_min + passed * options.drift_max;
}

absl::StatusOr<std::unique_ptr<ClockWatch>> ClockWatch::Open(Store& store, const Clock& clock,
                                                             const WallSeen& seen,
                                                             const ClockWatchOptions& options) {
  std::unique_ptr<ClockWatch> watch(new ClockWatch(store, clock, options));
  std::string row;
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kMeta, kClockKey, &row));
  if (found && row.size() != kRowSize) {
    return DataLoss(store.dir(), ": the row about its clock does not parse");
  }
  WallSeen last = seen;
  if (found) {
    const auto wall_us = static_cast<int64_t>(LoadLittle64(row.data() + 4));
    last = std::max(last, {LoadLittle32(row.data()), absl::FromUnixMicros(wall_us)});
  }
  watch->steps_ = last.steps;
  watch->last_ = watch->Read();
  if (watch->last_.wall < last.wall - options.step_min) {
    RETURN_IF_ERROR(watch->Write(watch->steps_ + 1, watch->last_.wall));
    ++watch->steps_;
  }
  return watch;
}

absl::StatusOr<uint32_t> ClockWatch::Look() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const ClockReading now = Read();
  if (IsClockStep(last_, now, options_)) {
    RETURN_IF_ERROR(Write(steps_ + 1, now.wall));
    ++steps_;
  }
  last_ = now;
  return steps_;
}

uint32_t ClockWatch::steps() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return steps_;
}

absl::Status ClockWatch::Note() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Write(steps_, clock_.WallNow());
}

// Not synced: an intent that names the step comes later in the same log of the store.
absl::Status ClockWatch::Write(uint32_t steps, absl::Time wall) {
  std::string row;
  AppendLittle32(row, steps);
  AppendLittle64(row, static_cast<uint64_t>(absl::ToUnixMicros(wall)));
  StoreBatch batch;
  batch.Put(Space::kMeta, kClockKey, row);
  return store_.Commit(batch, Sync::kBuffered);
}

}  // namespace intentlog
