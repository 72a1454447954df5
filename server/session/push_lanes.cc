#include "server/session/push_lanes.h"

#include <algorithm>
#include <optional>

#include "eventlog/runtime/check.h"
#include "server/admit/clock.h"
#include "server/tenant/installations.h"

namespace intentlog {
namespace {

// Up to where `log` has what its device recorded before it went on elsewhere. What was lost or has
// not come was nobody else's.
absl::StatusOr<uint64_t> OwnThrough(const EventLog& log, const LogId& left, Count last) {
  if (last == Count()) return 0;
  ASSIGN_OR_RETURN(const std::optional<Run> run, log.FindRun(left, last));
  if (!run) return UINT64_MAX;
  return run->first_position() + (last.value() - run->first_count());
}

// The logs that it goes on from, as far as this Hello names them.
absl::Status AddContinued(const Hello& hello, const EventLog& log, const DeviceLog* one,
                          PushLane& lane) {
  while (!one->continues_log_id().empty() &&
         lane.own_logs.size() <= static_cast<size_t>(hello.logs_size())) {
    const LogId left = LogId::FromBytes(one->continues_log_id());
    ASSIGN_OR_RETURN(const uint64_t through, OwnThrough(log, left, Count(one->continues_count())));
    lane.own_logs.emplace_back(left, through);
    const auto next =
        std::find_if(hello.logs().begin(), hello.logs().end(),
                     [&](const DeviceLog& of) { return of.log_id() == left.bytes(); });
    if (next == hello.logs().end()) break;
    one = &*next;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::shared_ptr<PushLane>>> MakePushLanes(const Hello& hello,
                                                                     const std::string& device,
                                                                     const EventLog& log,
                                                                     int64_t now_us) {
  std::vector<std::shared_ptr<PushLane>> lanes;
  for (const DeviceLog* one : PushedLogs(hello)) {
    auto lane = std::make_shared<PushLane>();
    lane->device = device;
    lane->skew_us = SkewOf(hello.wall_time_us(), now_us);
    lane->clock.skew_us = lane->skew_us;
    lane->clock.steps = hello.clock_steps();
    lane->clock.hello_wall_us = hello.wall_time_us();
    lane->log = LogId::FromBytes(one->log_id());
    lane->own_logs.emplace_back(lane->log);
    RETURN_IF_ERROR(AddContinued(hello, log, one, *lane));
    lanes.push_back(std::move(lane));
  }
  return lanes;
}

}  // namespace intentlog
