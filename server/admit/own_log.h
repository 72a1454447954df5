// A device log whose events the user of an intent knew: all of its own, and of one that it goes on
// from those before another copy of the device wrote to it. A value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "eventlog/runtime/ids.h"

namespace intentlog {

struct OwnLog {
  OwnLog(const LogId& id) : id(id) {}  // NOLINT: of its own log a device knows everything
  OwnLog(const LogId& id, uint64_t through) : id(id), through(through) {}

  LogId id;
  uint64_t through = UINT64_MAX;  // position
};

// Whether an event of this log at this position is the device's own.
inline bool Owns(absl::Span<const OwnLog> own_logs, std::string_view log, uint64_t position) {
  return std::any_of(own_logs.begin(), own_logs.end(), [&](const OwnLog& own) {
    return own.id.bytes() == log && position <= own.through;
  });
}

}  // namespace intentlog
