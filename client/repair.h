// A device's folder that is damaged is set aside, and another one begun in its place: with the same
// device log, of which it holds every intent that can be read and is not known to be on the server,
// as pending work. The server answers what it has with its first receipts, so nothing is doubled;
// what read models held comes from it again.
//
//   the log    … receipts … ┤ pending …
//   damaged    ──┤  ├────────────────────   begins after the gap: the server has what is before it
//   damaged    ──────────────────┤  ├────   ends before the gap: what is behind it stays aside:
//                                           only the server knows whether it has it
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/outbox/log_place.h"
#include "client/sync/reconcile.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

struct RepairedLog {
  PriorityClass priority = kPlainClass;
  CountRange kept;  // as pending work; first > last: none
  Count receipted;  // the server has all through here
  // What cannot be read, oldest first. Above `receipted` it is lost unless the server has it.
  std::vector<CountRange> unreadable;
  // Can be read, but is behind what cannot, so that it stays aside.
  uint64_t left_aside = 0;
};

struct Repaired {
  std::string set_aside;  // where the damaged folder is now
  std::string device;
  std::vector<RepairedLog> logs;
  std::vector<std::string> damaged_files;  // each with why
  // Only that was done which a crash in the middle of a former repair had left; all else is empty.
  bool ended_former = false;
};

// FAILED_PRECONDITION: all of `dir` can be read, or it is in use. DATA_LOSS: not even its identity
// can be read; nothing was changed. ALREADY_EXISTS: something is where it would be set aside. A
// crash leaves the damaged folder in its place, or the new one, and nothing of it is ever removed:
// repair again, which ends what was cut off.
absl::StatusOr<Repaired> RepairDevice(const std::string& dir, absl::Time now);

}  // namespace intentlog
