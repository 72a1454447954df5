// A ClockWatch counts the steps of this device's wall clock: moments at which it was set, by a
// user, a network or an empty battery. Device time is trusted only between two hellos without one.
//
// While the process runs, wall time is compared with passed time. Over a restart passed time says
// nothing, so only a step back below the last wall time on record is noted; a step forward shows at
// the next hello, as skew.
//
// Thread-safe.
//
//   kMeta  "clock" → steps (4) wall time then or later, in microseconds (8)
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <tuple>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/store/store.h"

namespace intentlog {

struct ClockWatchOptions {
  // Wall and passed time may part by this much before it counts as a step: far above what reading
  // them takes, far below any max_skew.
  absl::Duration step_min = absl::Seconds(2);
  // … and by this part of the time since they were last compared: as fast as an operating system
  // slews a clock that it corrects.
  double drift_max = 0.0005;
};

struct ClockReading {
  absl::Time wall;
  absl::Duration passed;
};

// Whether the wall clock was set between two readings of one process. Pure.
bool IsClockStep(const ClockReading& before, const ClockReading& now,
                 const ClockWatchOptions& options);

// A wall time, and how many steps had been noted then.
struct WallSeen {
  uint32_t steps = 0;
  absl::Time wall = absl::InfinitePast();

  friend bool operator<(const WallSeen& a, const WallSeen& b) {
    return std::tie(a.steps, a.wall) < std::tie(b.steps, b.wall);
  }
};

class ClockWatch {
 public:
  // `seen`: what the wall clock has certainly shown before. DATA_LOSS if the row does not parse.
  static absl::StatusOr<std::unique_ptr<ClockWatch>> Open(Store& store, const Clock& clock,
                                                          const WallSeen& seen,
                                                          const ClockWatchOptions& options);

  // Looks at the clock. Returns how many steps it has made; one that is new is on record when this
  // returns.
  absl::StatusOr<uint32_t> Look();
  uint32_t steps() const;
  // Puts the wall time on record, for the next start.
  absl::Status Note();

 private:
  ClockWatch(Store& store, const Clock& clock, const ClockWatchOptions& options)
      : store_(store), clock_(clock), options_(options) {}
  ClockReading Read() const { return {clock_.WallNow(), clock_.Passed()}; }
  absl::Status Write(uint32_t steps, absl::Time wall);

  Store& store_;
  const Clock& clock_;
  const ClockWatchOptions options_;

  mutable std::mutex mutex_;
  ClockReading last_;   // protected by mutex_
  uint32_t steps_ = 0;  // protected by mutex_
};

}  // namespace intentlog
