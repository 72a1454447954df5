// A ManualClock is a Clock that a test moves by hand. Passed time only grows; wall time follows it
// and can be made to jump, as a user or a bad battery does. Thread-safe.
//
//   ManualClock clock;
//   clock.Advance(absl::Seconds(3));    // both
//   clock.JumpWall(-absl::Hours(2));    // wall time alone
#pragma once

#include <mutex>

#include "absl/time/time.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"

namespace intentlog {

class ManualClock final : public Clock {
 public:
  // 2026-01-01 00:00 UTC, unless said otherwise.
  ManualClock() : ManualClock(absl::FromUnixSeconds(1767225600)) {}
  explicit ManualClock(absl::Time wall) : wall_(wall) {}

  absl::Time WallNow() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return wall_;
  }
  absl::Duration Passed() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return passed_;
  }

  // Time passes, on the wall too. REQUIRES: duration is not negative.
  void Advance(absl::Duration duration) {
    INTENTLOG_CHECK(duration >= absl::ZeroDuration());
    const std::lock_guard<std::mutex> lock(mutex_);
    passed_ += duration;
    wall_ += duration;
  }
  // The wall clock is set; no time passes.
  void SetWall(absl::Time wall) {
    const std::lock_guard<std::mutex> lock(mutex_);
    wall_ = wall;
  }
  void JumpWall(absl::Duration step) {
    const std::lock_guard<std::mutex> lock(mutex_);
    wall_ += step;
  }

 private:
  mutable std::mutex mutex_;
  absl::Time wall_;                         // protected by mutex_
  absl::Duration passed_ = absl::Hours(1);  // protected by mutex_
};

}  // namespace intentlog
