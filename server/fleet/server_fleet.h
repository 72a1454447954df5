// A FleetBackend that is a Server.
#pragma once

#include <memory>

#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "server/fleet/fleet_backend.h"
#include "server/server.h"

namespace intentlog {

// `server`, `core`, its core executor, and `clock` must outlive the backend. Thread-safe.
std::unique_ptr<FleetBackend> FleetOf(Server& server, Executor& core, const Clock& clock,
                                      std::shared_ptr<const Schema> schema);

}  // namespace intentlog
