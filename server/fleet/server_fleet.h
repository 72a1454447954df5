// A FleetBackend that is a Server.
#pragma once

#include <functional>
#include <memory>

#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/schema/schema.h"
#include "server/fleet/fleet_backend.h"
#include "server/server.h"

namespace intentlog {

// `server`, `core`, its core executor, and `clock` must outlive the backend. `schema` tells by
// which one the server decides now, on any thread. Thread-safe.
std::unique_ptr<FleetBackend> FleetOf(Server& server, Executor& core, const Clock& clock,
                                      std::function<std::shared_ptr<const Schema>()> schema);

}  // namespace intentlog
