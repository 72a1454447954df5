// Refold brings read models up to the cursors of their scopes from the feed blocks that the device
// keeps: a view that an application got with an update begins with all that the device has, without
// a server.
#pragma once

#include "absl/status/status.h"
#include "client/device.h"

namespace intentlog {

// Does nothing where every view has what the cursors say. Resumes after a crash. REQUIRES: nothing
// folds.
absl::Status Refold(Device& device);

}  // namespace intentlog
