// A HybridClock gives timestamps that grow with every call, stay near wall time, and are greater
// than every timestamp seen from another machine: a hybrid logical clock. A timestamp is 48 bits of
// milliseconds since 1970, then a counter of 16 bits. It orders what one person sees; it decides
// nothing. Thread-safe.
//
//   HybridClock hlc(clock, {}, last_stored);
//   intent.set_hlc(hlc.Now());
//   hlc.See(event_from_elsewhere.hlc()).IgnoreError();
#pragma once

#include <cstdint>
#include <mutex>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eventlog/runtime/clock.h"

namespace intentlog {

struct HybridClockOptions {
  // A timestamp further ahead of wall time than this is refused, so that one machine with a wrong
  // year does not take all others there. Well above the skew of a phone that sets its clock by the
  // network, well below a wrong time zone.
  absl::Duration max_ahead = absl::Minutes(5);
};

class HybridClock {
 public:
  // `last`: the greatest timestamp given or seen before, so that a restart does not fall behind it.
  explicit HybridClock(const Clock& clock, HybridClockOptions options = {}, uint64_t last = 0)
      : clock_(clock), options_(options), last_(last) {}

  // Greater than every one given or seen before.
  uint64_t Now();
  // Takes note of another machine's timestamp. OUT_OF_RANGE if it lies more than max_ahead in the
  // future; then nothing changes.
  absl::Status See(uint64_t remote);
  // The greatest given or seen; what to store.
  uint64_t last() const;

  static absl::Time TimeOf(uint64_t timestamp) {
    return absl::FromUnixMillis(static_cast<int64_t>(timestamp >> 16));
  }

 private:
  const Clock& clock_;
  const HybridClockOptions options_;
  mutable std::mutex mutex_;
  uint64_t last_;  // protected by mutex_
};

}  // namespace intentlog
