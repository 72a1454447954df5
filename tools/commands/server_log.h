// The log in a server's data folder, opened for reading, whatever schema it was written with. The
// server must not be running.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/rocksdb_engine.h"

namespace intentlog {

struct ServerLogFolder {
  std::unique_ptr<RocksdbEngine> engine;
  std::unique_ptr<EventLog> log;  // goes before its engine
};

// NOT_FOUND names an unknown tenant and those there are. FAILED_PRECONDITION: it is in use, or no
// server's folder; says what to do.
absl::StatusOr<ServerLogFolder> OpenServerLogFolder(const std::string& dir,
                                                    const std::string& tenant);

}  // namespace intentlog
