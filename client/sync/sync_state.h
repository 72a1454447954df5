// What a Syncer is doing, and why it is not doing more. A value.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

struct SyncState {
  // What keeps this device's pending intents from the server.
  enum class Reason {
    kNone,         // connected: they are on their way
    kStopped,      // StartSync was not called, or StopSync was
    kOffline,      // connecting, or no connection can be made
    kBackOff,      // waits until `until` after a failure
    kServerAsked,  // the server asked to come back at `until`
    kForked,       // the server has other intents under this device log's counts
    kRefused,      // this server can not be synced with, whatever is tried
    kFailed,       // the folder failed and must be opened again
  };

  bool syncing = false;
  bool connected = false;
  Position server_head;
  Reason reason = Reason::kStopped;
  std::string reason_text;  // one sentence
  absl::Duration since;     // of the reason, in passed time
  absl::Time until;         // wall clock
  uint64_t attempts = 0;    // failed ones since the last success
  uint64_t attempts_ever = 0;
  std::string last_error;  // empty once connected
  uint64_t digests_equal = 0, digests_unequal = 0;
};

}  // namespace intentlog
