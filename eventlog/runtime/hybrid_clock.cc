#include "eventlog/runtime/hybrid_clock.h"

#include <algorithm>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr int64_t kLargestMs = (int64_t{1} << 48) - 1;

uint64_t TimestampOf(absl::Time wall) {
  return static_cast<uint64_t>(std::clamp<int64_t>(absl::ToUnixMillis(wall), 0, kLargestMs)) << 16;
}

}  // namespace

uint64_t HybridClock::Now() {
  const uint64_t wall = TimestampOf(clock_.WallNow());
  const std::lock_guard<std::mutex> lock(mutex_);
  // A full counter carries into the milliseconds.
  last_ = std::max(wall, last_ + 1);
  return last_;
}

absl::Status HybridClock::See(uint64_t remote) {
  const absl::Time limit = clock_.WallNow() + options_.max_ahead;
  if (TimeOf(remote) > limit) {
    return StatusOf(absl::StatusCode::kOutOfRange, "timestamp ", remote, " lies ",
                    absl::ToInt64Milliseconds(TimeOf(remote) - clock_.WallNow()),
                    " ms ahead of this machine's clock; at most ",
                    absl::ToInt64Milliseconds(options_.max_ahead),
                    " ms are allowed: check the clocks of both machines");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  last_ = std::max(last_, remote);
  return absl::OkStatus();
}

uint64_t HybridClock::last() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return last_;
}

}  // namespace intentlog
