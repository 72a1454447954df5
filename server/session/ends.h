// How open events ended, for a device that has no feed of their scopes. Reads the log's rows. A
// function of the log; on the core executor.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "proto/sync.pb.h"

namespace intentlog {

// Of those that `inquiry` names: which are closed, or open with another decision. Left out are
// events of which `is_own(log_id, position)` says that they are not the device's.
absl::StatusOr<Ends> EndsOf(const EventLog& log, const Inquiry& inquiry,
                            absl::FunctionRef<bool(std::string_view, uint64_t)> is_own);

}  // namespace intentlog
