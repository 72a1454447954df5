// PostgresServer is a PostgreSQL server that lives as long as it is measured: made in a temporary
// folder of its own, reachable by a socket in that folder alone, and gone with all of its data
// afterwards. No other server or cluster of the machine is touched, and it needs none.
//
// A process of its own (`bench-part postgres`) keeps it and clears up after it, so that it goes
// away also when the one who measures is interrupted or killed. Thread-compatible.
//
//   ASSIGN_OR_RETURN(const auto server, PostgresServer::Start(log_file));
//   ASSIGN_OR_RETURN(const auto postgres, PlainPostgres::Open(server->dir()));
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/child_process.h"

namespace intentlog::bench {

class PostgresServer {
 public:
  // NOT_FOUND if PostgreSQL's server programs are not installed.
  static absl::StatusOr<std::unique_ptr<PostgresServer>> Start(const std::string& log_file);
  ~PostgresServer();  // stops it

  // The folder with its socket.
  const std::string& dir() const { return dir_; }
  absl::Status Stop();

 private:
  PostgresServer(std::unique_ptr<ChildProcess> keeper, std::string dir);

  const std::unique_ptr<ChildProcess> keeper_;
  const std::string dir_;
};

// The keeper: as root, becomes the user postgres first. Prints the folder on stdout when the server
// takes connections, and goes on until SIGTERM, SIGINT or the end of the process that started it.
absl::Status KeepPostgresServer();

}  // namespace intentlog::bench
