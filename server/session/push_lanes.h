// The lanes of a session: one for each device log that it pushes to, with what is the device's own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "proto/sync.pb.h"
#include "server/sequencer/push_unit.h"

namespace intentlog {

// `device` is what its operator calls it. A log that another of the Hello goes on from has no lane:
// nothing is pushed to it any more, and another copy of the device may.
absl::StatusOr<std::vector<std::shared_ptr<PushLane>>> MakePushLanes(const Hello& hello,
                                                                     const std::string& device,
                                                                     const EventLog& log,
                                                                     int64_t now_us);

}  // namespace intentlog
