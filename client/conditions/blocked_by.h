// Why something is not synced: one structured answer, for applications and operators. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/entity.h"

namespace intentlog {

// Every pending intent has exactly one.
struct BlockedBy {
  enum Kind {
    kNothing,         // it is not pending
    kSyncStopped,     // StartSync was not called, or StopSync was
    kOffline,         // no network, or no connection through it
    kMetered,         // waits for a network without a meter
    kDataSaver,       // waits until the user does not save data any more
    kBattery,         // waits for the charger, or for more charge
    kBackground,      // waits for the application to be in the foreground
    kManual,          // waits for a person to ask
    kBackOff,         // waits until `until` after a failed session
    kServerAsked,     // the server asked to come back at `until`
    kAwaitingReview,  // the server has it; it waits for a person to decide about `behind`
    kParked,          // the server has it; it waits behind `behind`
    kSchemaTooOld,    // the server has it; it waits for the server to learn its type
    kForked,          // the server has other intents under this device log's counts
    kRefused,         // this server has another history, or will not talk to this device
    kSending,         // connected: it is on its way
    kStoreFailed,     // the folder failed, and must be opened again
    kAuth,            // reserved, until there is any
  };
  Kind kind = kNothing;
  std::string text;                           // one sentence for people
  absl::Duration age;                         // how long so
  absl::Time until = absl::InfiniteFuture();  // with kBackOff and kServerAsked
  uint64_t attempts = 0;   // failed ones since the last success; of an intent: those it was in
  std::string last_error;  // of the last attempt, if it failed
  Position behind;         // with kAwaitingReview and kParked
  Entity behind_entity;    // of that event, where this device knows it
};

inline constexpr int kBlockedKinds = BlockedBy::kAuth + 1;

// One word for programs, such as "offline".
std::string_view BlockedWord(BlockedBy::Kind kind);

}  // namespace intentlog
