// A Clock tells wall time and passed time. Wall time may jump; passed time only grows.
// Nothing but this file's implementation reads the system's clocks. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace intentlog {

class Clock {
 public:
  virtual ~Clock() = default;
  // As the machine shows it. Never decides anything by itself.
  virtual absl::Time WallNow() const = 0;
  // Since some moment before this process; only differences mean something.
  virtual absl::Duration Passed() const = 0;

  int64_t WallMicros() const { return absl::ToUnixMicros(WallNow()); }
};

// The machine's clock. Lives as long as the process.
Clock& SystemClock();

}  // namespace intentlog
