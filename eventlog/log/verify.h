// Verification reads a whole log and tells what is not as it was written. Pure but for reading;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

// What Verify found in order, or where it is not.
struct LogVerification {
  Position head;
  uint64_t blocks = 0;
  uint64_t events = 0;
  uint64_t device_logs = 0;
  std::vector<std::string> problems;  // each names a position and what to do; empty: all is well
};

// Checks checksums, dense positions, the chain from the first event, that each device log's counts
// are 1, 2, 3 …, that runs and scope rows agree with the blocks, and that each settlement closes
// what was open.
absl::StatusOr<LogVerification> VerifyLog(const EventLog& log);

}  // namespace intentlog
