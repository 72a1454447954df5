// How a device is doing, as its server sees it. Pure: what was reported and the time go in, a class
// and a sentence come out.
//
//   silent    nothing was heard for too long: all else that is known of it is old
//   stuck     something does not move by itself any more: a person has to look
//   lagging   something waits for longer than usual, and moves by itself
//   healthy   none of these
//
// The first that applies holds, in this order. A limit is reached when a figure equals it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "proto/admin.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

struct HealthLimits {
  // Not heard for this long: silent. A shop that is closed over a Sunday is not.
  absl::Duration silent_after = absl::Hours(48);
  // The oldest pending work has this age: lagging. A lunch break without network is not.
  absl::Duration lagging_after = absl::Hours(1);
  // … and this one: stuck. A day's work should be in by the end of the next.
  absl::Duration stuck_after = absl::Hours(24);
  // The same for work that a policy holds back (metered network, battery): it is lagging after
  // `stuck_after`, and stuck after this. Photos may wait for a week's way home.
  absl::Duration held_stuck_after = absl::Hours(7 * 24);
  // A conflict or a rejected record waits for a person this long: stuck; until then lagging. Half a
  // working day.
  absl::Duration review_after = absl::Hours(4);
  // Failed attempts in a row: with the client's back-off (cap 5 minutes, full jitter) the first is
  // after some seconds, the second after more than an hour.
  uint64_t lagging_attempts = 4;
  uint64_t stuck_attempts = 30;
  // Pending intents: lagging, whatever their age. More than a session takes up in a second or two.
  uint64_t lagging_pending = 10000;
};

struct DeviceFacts {
  // Its health may be as reported, or corrected by what came since. What it says of failed and
  // conflicted intents does not count: the server itself decided them.
  DeviceRecord record;
  bool live = false;  // it has a session now
  // Server time of the oldest conflicted or rejected event of the device that is open, as the
  // server holds it; 0: there is none.
  int64_t oldest_review_us = 0;
};

struct DeviceHealth {
  HealthClass health_class = HEALTH_CLASS_UNSPECIFIED;
  std::string why;  // one sentence, without a full stop
  // By server time, from the device's clock less its skew; zero: nothing pending.
  absl::Duration oldest_pending_age;
  absl::Duration blocked_age;  // zero: nothing is blocked, or not known
};

DeviceHealth Classify(const DeviceFacts& facts, int64_t now_us, const HealthLimits& limits);

// "healthy", "lagging" …
const char* HealthWord(HealthClass health_class);
// "40 s", "12 min", "5 h", "3 days": whole units, rounded down.
std::string AgeWords(absl::Duration age);

}  // namespace intentlog
