// How a log is read by who folds it: a function, so that a log in this process, one behind a wire
// and the feed that a device keeps are the same.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "eventlog/log/block.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

// Calls `take` with up to `limit` events at or above `from`, in position order, until it returns
// false. OK at the log's end, too. An event is valid during the call; `take` may read again.
using TakeEvent = std::function<bool(const EventRef& event)>;
using ReadLog = std::function<absl::Status(Position from, uint64_t limit, const TakeEvent& take)>;

}  // namespace intentlog
