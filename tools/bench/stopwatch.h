// Seconds since it was made. A value.
#pragma once

#include "eventlog/runtime/clock.h"

namespace intentlog::bench {

class Stopwatch {
 public:
  Stopwatch() : begin_(SystemClock().Passed()) {}
  double Seconds() const { return absl::ToDoubleSeconds(SystemClock().Passed() - begin_); }

 private:
  absl::Duration begin_;
};

}  // namespace intentlog::bench
