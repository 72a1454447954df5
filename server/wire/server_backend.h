// A Backend that is a Server.
#pragma once

#include <memory>

#include "server/server.h"
#include "server/wire/backend.h"

namespace intentlog {

// `server` and `core`, its core executor, must outlive the backend. Thread-safe.
std::unique_ptr<Backend> BackendOf(Server& server, Executor& core);

}  // namespace intentlog
