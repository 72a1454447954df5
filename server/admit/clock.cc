#include "server/admit/clock.h"

#include <algorithm>
#include <limits>

namespace intentlog {
namespace {

// So that taking a skew off cannot overflow; about the year 146,000.
constexpr int64_t kTimeMax = std::numeric_limits<int64_t>::max() / 2;
constexpr int64_t kSkewMax = kTimeMax / 2;

bool Within(int64_t skew_us, int64_t max_us) { return -max_us <= skew_us && skew_us <= max_us; }

}  // namespace

int64_t SkewOf(int64_t device_wall_us, int64_t server_now_us) {
  const int64_t wall_us = std::clamp(device_wall_us, -kTimeMax, kTimeMax);
  return std::clamp(wall_us - server_now_us, -kSkewMax, kSkewMax);
}

std::optional<int64_t> TrustedTime(const EventType& type, const Intent& intent,
                                   const ClockFacts& clock) {
  if (!type.has_device_clock() || !clock.known) return std::nullopt;
  if (!Within(clock.skew_before_us, type.max_skew_us()) ||
      !Within(clock.skew_after_us, type.max_skew_us())) {
    return std::nullopt;
  }
  if (clock.steps_before != intent.clock_steps() || clock.steps_after != intent.clock_steps()) {
    return std::nullopt;
  }
  if (intent.device_time_us() <= 0 || intent.device_time_us() > kTimeMax) return std::nullopt;
  const int64_t time_us = intent.device_time_us() - clock.skew_after_us;
  if (time_us <= 0 || time_us - type.max_skew_us() > clock.server_now_us) return std::nullopt;
  return std::min(time_us, clock.server_now_us);
}

}  // namespace intentlog
