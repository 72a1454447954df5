// A Backend that is a Server.
#pragma once

#include <memory>

#include "server/server.h"
#include "server/wire/backend.h"

namespace intentlog {

// `server` and `core`, its core executor, must outlive the backend. Thread-safe.
std::unique_ptr<Backend> BackendOf(Server& server, Executor& core);
// With a door for operators; `fleet` must outlive the backend.
std::unique_ptr<Backend> BackendOf(Server& server, Executor& core, FleetBackend& fleet);

}  // namespace intentlog
