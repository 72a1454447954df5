#include "eventlog/runtime/clock.h"

#include <time.h>

#include <chrono>

#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

class MachineClock final : public Clock {
 public:
  absl::Time WallNow() const override { return absl::FromChrono(std::chrono::system_clock::now()); }
  absl::Duration Passed() const override {
    // Goes on while the machine sleeps, as wall time does.
    timespec now = {};
    INTENTLOG_CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return absl::DurationFromTimespec(now);
  }
};

}  // namespace

Clock& SystemClock() {
  static MachineClock* const clock = new MachineClock;  // never deleted: threads may outlive main
  return *clock;
}

}  // namespace intentlog
