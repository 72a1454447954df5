// What a Syncer is doing, and why it is not doing more. A value.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "client/conditions/sync_policy.h"
#include "client/outbox/log_place.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

struct SyncState {
  // What keeps this device from its server.
  enum class Reason {
    kNone,         // connected
    kStopped,      // StartSync was not called, or StopSync was
    kHeld,         // the policy lets no log go now: `logs` say why
    kOffline,      // connecting, or no connection can be made
    kBackOff,      // waits until `until` after a failure
    kServerAsked,  // the server asked to come back at `until`
    kRefused,      // this server can not be synced with, whatever is tried
    kFailed,       // the folder failed and must be opened again
  };

  // What keeps the log of one class, besides.
  struct OfLog {
    Hold hold = Hold::kNone;
    std::string hold_text;  // one sentence
    absl::Duration since;   // of the hold, in passed time
    bool forked = false;    // the server has other intents under its counts
    uint64_t attempts = 0;  // failed ones since the last success
    uint64_t attempts_ever = 0;
    std::string last_error;  // empty once connected
  };

  bool syncing = false;
  bool connected = false;
  Position server_head;
  Reason reason = Reason::kStopped;
  std::string reason_text;                    // one sentence
  absl::Duration since;                       // of the reason, in passed time
  absl::Time until = absl::InfiniteFuture();  // wall clock
  std::array<OfLog, kClasses> logs;
  uint64_t attempts = 0;   // the most of a log's
  std::string last_error;  // that log's
  uint64_t digests_equal = 0, digests_unequal = 0;
};

inline constexpr int kSyncReasons = static_cast<int>(SyncState::Reason::kFailed) + 1;

}  // namespace intentlog
