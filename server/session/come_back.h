// ComeBack says how long a device is to stay away, so that those that are sent away in one moment
// do not all return in one: a hundred each 100 ms, about what a server welcomes on two cores
// without letting others wait. Few hear the shortest delay.
//
// Thread-compatible.
//
//   ComeBack come_back(/*shortest=*/absl::Seconds(2));
//   goodbye.set_retry_after_ms(absl::ToInt64Milliseconds(come_back.After(clock.Passed())));
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace intentlog {

class ComeBack {
 public:
  static constexpr absl::Duration kApart = absl::Milliseconds(100);
  static constexpr int kAtOnce = 100;
  // However many there are: from then on some return together.
  static constexpr absl::Duration kLaterMax = absl::Seconds(30);

  explicit ComeBack(absl::Duration shortest) : shortest_(shortest) {}

  // The delay of the next device, from `now` on, which is a clock's passed time.
  absl::Duration After(absl::Duration now) {
    const absl::Duration soonest = now + shortest_;
    if (soonest >= slot_ + kApart || slot_ > soonest + kLaterMax) {
      slot_ = soonest;
      taken_ = 0;
    } else if (taken_ >= kAtOnce) {
      slot_ += kApart;
      taken_ = 0;
    }
    ++taken_;
    return std::max(shortest_, slot_ - now);
  }

 private:
  const absl::Duration shortest_;
  absl::Duration slot_ = -absl::InfiniteDuration();  // when the last ones return
  int taken_ = 0;                                    // how many of them
};

}  // namespace intentlog
