// How long to wait before the next connection. Pure: full jitter over an exponential that is
// capped, so that ten thousand devices that lost one server do not come back in the same second; a
// delay that the server set wins over all of it.
//
//   absl::Duration wait = RetryDelay(options, attempts, random.Unit(), server_delay);
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace intentlog {

struct BackoffOptions {
  // Upper end of the first wait: a restarted server is back within about this.
  absl::Duration base = absl::Milliseconds(500);
  // Upper end of every later wait: what a person finds acceptable after a long outage.
  absl::Duration cap = absl::Minutes(5);
  // A server may not silence a device for longer than this with one word.
  absl::Duration server_delay_max = absl::Hours(1);
};

// Upper end of the wait after `attempts` failures in a row: min(cap, base * 2^(attempts - 1)).
inline absl::Duration RetryCeiling(const BackoffOptions& options, uint64_t attempts) {
  constexpr uint64_t kDoublingsMax = 40;  // past any cap, and far from overflow
  if (attempts == 0) return absl::ZeroDuration();
  const uint64_t doublings = std::min<uint64_t>(attempts - 1, kDoublingsMax);
  return std::min(options.cap, options.base * static_cast<double>(uint64_t{1} << doublings));
}

// `unit` is uniform in [0, 1). `server_delay` is what is left of a delay that the server set; zero
// or less: none.
inline absl::Duration RetryDelay(const BackoffOptions& options, uint64_t attempts, double unit,
                                 absl::Duration server_delay) {
  if (server_delay > absl::ZeroDuration()) return std::min(server_delay, options.server_delay_max);
  return RetryCeiling(options, attempts) * unit;
}

}  // namespace intentlog
