// An OffsetClock is another clock whose wall time is ahead, as on a device that was set wrong.
// Thread-safe; the other clock must outlive it.
#pragma once

#include "absl/time/time.h"
#include "eventlog/runtime/clock.h"

namespace intentlog {

class OffsetClock final : public Clock {
 public:
  OffsetClock(const Clock& clock, absl::Duration ahead) : clock_(clock), ahead_(ahead) {}
  absl::Time WallNow() const override { return clock_.WallNow() + ahead_; }
  absl::Duration Passed() const override { return clock_.Passed(); }

 private:
  const Clock& clock_;
  const absl::Duration ahead_;
};

}  // namespace intentlog
