// What a session hands to the sequencer, and what comes back. Plain values; on the core executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/log/chain.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "proto/store.pb.h"
#include "proto/sync.pb.h"
#include "server/admit/own_log.h"
#include "server/sequencer/push_frame.h"

namespace intentlog {

// What hellos tell of a device's clock.
struct DeviceClock {
  // At the hello before this session's, and at this one.
  bool known_before = false;
  int64_t skew_before_us = 0;
  uint32_t steps_before = 0;
  int64_t skew_us = 0;
  uint32_t steps = 0;
  int64_t hello_wall_us = 0;  // by the device's clock

  // The hellos on either side of an intent that was made at this device time; nothing, if there was
  // none before it.
  std::optional<SeenClock> Around(int64_t device_time_us) const {
    const bool after_hello = device_time_us >= hello_wall_us;
    if (!after_hello && !known_before) return std::nullopt;
    SeenClock seen;
    seen.set_skew_before_us(after_hello ? skew_us : skew_before_us);
    seen.set_steps_before(after_hello ? steps : steps_before);
    seen.set_skew_after_us(skew_us);
    seen.set_steps_after(steps);
    return seen;
  }
};

// One device log within one session. Pushes that were on their way when a Resend was asked for are
// passed over until the device begins again: where they come in, if it was asked for there, and
// else where they are decided.
struct PushLane {
  std::string device;
  LogId log;
  std::vector<OwnLog> own_logs;  // `log` first, then those it continues
  int64_t skew_us = 0;           // of the device's wall clock at this session's Hello
  DeviceClock clock;
  bool skew_written = false;       // in a header of this session
  std::optional<Count> not_taken;  // asked for by Resend, where pushes come in
  std::optional<Count> awaited;    // asked for by Resend, of those taken; 0: is being looked up
  int hash_steps = 0;              // Resends asked for because hashes differed
  Count same_through;              // up to here its history is known to be the server's
  bool forked = false;             // nothing more is taken
  bool superseded = false;         // a newer session has the log: nothing more is decided
};

// The answer to one unit. Nothing in it: passed over, or only to be counted as processed.
struct PushAnswer {
  std::vector<ReceiptRun> runs;
  std::optional<Count> resend_from;
  std::optional<Count> forked_at;
  std::string forked_intent;  // the bytes that were refused there
  std::string refused;        // why the device's frames contradict themselves; empty: they do not
  size_t bytes = 0;           // of intents, that are done with
};

struct PushUnit {
  std::shared_ptr<PushLane> lane;
  std::shared_ptr<const std::string> frame;  // owns the bytes of `push`
  PushFrame push;
  ChainValue hash_before = {};
  std::function<void(PushAnswer)> done;  // once, unless the sequencer fails or ends before
  // Now and then while the unit waits for what others must bring first; null: nobody asks.
  std::function<void(std::string_view why)> waits;

  Count first() const { return Count(push.first_count); }
  Count last() const { return Count(push.last_count()); }
};

}  // namespace intentlog
