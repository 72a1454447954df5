// What this device has said of open events. Private to this folder.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "client/conflict.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"

namespace intentlog {

// The last Resolve, Amend or Dismiss of the open event at `position` that this device recorded and
// that no settlement has answered.
absl::StatusOr<std::optional<Conflict::Said>> SaidOf(const Store& store, Position position);

}  // namespace intentlog
