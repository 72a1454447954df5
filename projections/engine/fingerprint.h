// What tells whether two programs fold a view by the same code: the digest of its rows over a
// golden log, which is kept beside the projection and the same everywhere. Pure.
#pragma once

#include <functional>
#include <string>

#include "eventlog/log/event.h"
#include "projections/engine/projection.h"

namespace intentlog {

// Calls `take` with each event of the log, in order; an event is valid for that call.
using TakeGolden = std::function<void(const Event& event)>;
using GoldenLog = std::function<void(const TakeGolden& take)>;

// 16 bytes. An event that the projection cannot fold into a row leaves the row as it was, and
// counts.
std::string FingerprintOf(const Projection& projection, const GoldenLog& log);

}  // namespace intentlog
