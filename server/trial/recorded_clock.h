// What a recorded log tells of devices' clocks: the skew at each session's hello, as headers have
// it, and the device's own count of steps. Not recorded are sessions that pushed nothing and the
// moment of a hello; so what an intent's clock was worth is known nearly always, and not always.
//
// Thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "eventlog/runtime/ids.h"
#include "proto/event.pb.h"
#include "server/admit/admission.h"

namespace intentlog {

class RecordedClocks {
 public:
  // Everything that the facts may have been, the likeliest first: as the headers say it, as of the
  // session that pushed it, not known. REQUIRES: each event once, in position order.
  std::array<ClockFacts, 3> Facts(const Header& header, const Intent& intent);

 private:
  struct Session {
    int64_t skew_us = 0;
    int64_t first_us = 0;  // server time of its first event: a little after its hello
    bool had_before = false;
    int64_t skew_before_us = 0;
  };
  std::unordered_map<LogId, Session> sessions_;  // the newest of each device log
};

}  // namespace intentlog
