// When a server takes snapshots of its read models, and which it keeps. Values.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "projections/snapshot/snapshot_folder.h"

namespace intentlog {

struct SnapshotPolicy {
  // A server with a file system of its own (ServerOptions::env) takes none.
  bool on = true;
  // After so many events: who begins at the last snapshot folds the rest in about a second.
  uint64_t events = 50'000;
  // … or after so many bytes of the log, if its events are large.
  uint64_t log_bytes = 64 << 20;
  // … or after this, if anything has changed.
  absl::Duration interval = absl::Hours(1);
  // Never sooner after the last one, however much comes in; and never sooner than so many times as
  // long as that took: so all of it takes a twentieth of one processor at most.
  absl::Duration interval_min = absl::Minutes(1);
  int rest = 20;
  // After a failure it is tried again after this, then after twice as long, and so on.
  absl::Duration retry_first = absl::Minutes(1);
  absl::Duration retry_max = absl::Hours(1);
  // What stays free on the disk, for the log: a snapshot can be taken later.
  uint64_t free_bytes_min = 256 << 20;
  SnapshotKeep keep;
};

// How far it is since the last one, or since the server began.
struct SnapshotSince {
  uint64_t events = 0;
  uint64_t log_bytes = 0;
  absl::Duration passed = absl::ZeroDuration();
  absl::Duration last_took = absl::ZeroDuration();
  int failures = 0;  // since the last one that was taken; `passed` is since the last failure then
};

// How long from now until one is due; zero: now. Infinite: not before more is folded.
absl::Duration SnapshotDueIn(const SnapshotPolicy& policy, const SnapshotSince& since);

}  // namespace intentlog
