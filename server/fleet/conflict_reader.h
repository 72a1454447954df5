// Finds what open events clashed with, and what both sides began from, in the log. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/log/event_log.h"
#include "eventlog/schema/schema.h"
#include "proto/admin.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

// Adds one conflict for each open event to `reply`, in their order. Reads at most `base_events_max`
// events before what each was based on, each event once however many ask for it. DATA_LOSS.
absl::Status ReadConflicts(const EventLog& log, std::shared_ptr<const Schema> schema,
                           uint64_t base_events_max, std::vector<OpenEvent> open,
                           ListConflictsReply& reply);

}  // namespace intentlog
