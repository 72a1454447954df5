#include "eventlog/runtime/clock.h"

#include <chrono>

namespace intentlog {
namespace {

class MachineClock final : public Clock {
 public:
  absl::Time WallNow() const override { return absl::FromChrono(std::chrono::system_clock::now()); }
  absl::Duration Passed() const override {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
};

}  // namespace

Clock& SystemClock() {
  static MachineClock* const clock = new MachineClock;  // never deleted: threads may outlive main
  return *clock;
}

}  // namespace intentlog
