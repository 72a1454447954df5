// What survives of failed attempts, for each device log: how many, the last error, and when to try
// again. An attempt counts for the logs that took part in it, that is for those that nothing held
// back. The three functions are pure; Retries keeps the rows.
//
//   kMeta  "retry" class (1) → RetryState
//
// Thread-compatible: belongs to the syncer.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "client/outbox/log_place.h"
#include "client/sync/backoff.h"
#include "eventlog/store/store.h"
#include "proto/store.pb.h"

namespace intentlog {

struct RetryFailure {
  std::string error;  // one sentence
  absl::Time now;
  absl::Duration server_delay;  // that the server asked for; zero: nothing
  uint64_t attempts_min = 0;    // the wait is at least as after this many
  double unit = 0;              // in [0, 1), by chance
};
RetryState AfterFailure(const RetryState& before, const RetryFailure& failure,
                        const BackoffOptions& options);
RetryState AfterSuccess(const RetryState& before);
// How long to wait yet. Bounded whatever the wall clock does: by the cap of the back-off, or by the
// longest delay that a server may set.
absl::Duration WaitLeft(const RetryState& state, absl::Time now, const BackoffOptions& options);
// Of that, what the server asked for.
absl::Duration ServerDelayLeft(const RetryState& state, absl::Time now,
                               const BackoffOptions& options);

using ClassSet = std::bitset<kClasses>;

class Retries {
 public:
  // Reads the rows. One that does not parse is no reason to refuse a folder: it only says how long
  // to wait.
  Retries(Store& store, const BackoffOptions& options);

  void Attempted(const ClassSet& logs);
  void Failed(const ClassSet& logs, const RetryFailure& failure);
  // The server answered: whatever log it was for, it is there.
  void Succeeded();

  const RetryState& Of(PriorityClass priority) const { return states_[priority]; }
  // That of the log which failed most often.
  const RetryState& worst() const;
  // Over all logs, because they have one server.
  absl::Duration WaitLeft(absl::Time now) const;
  absl::Duration ServerDelayLeft(absl::Time now) const;

 private:
  void Put(PriorityClass priority, RetryState state);

  Store& store_;
  const BackoffOptions options_;
  std::array<RetryState, kClasses> states_;
};

}  // namespace intentlog
