// A server's data folder, opened: the server's core and the threads it runs on, without a
// transport.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"
#include "eventlog/schema/schema.h"
#include "server/server.h"

namespace intentlog {

// Stops when destroyed. Move-only.
class OpenServer {
 public:
  // `options.schema` is filled from `schema_file`, and so are `options.projections` if there are
  // none. Errors as Server::Open.
  static absl::StatusOr<OpenServer> Open(ServerOptions options, const std::string& schema_file);
  OpenServer(OpenServer&&) noexcept;
  OpenServer& operator=(OpenServer&&) = delete;
  ~OpenServer();

  Server& server() const;
  Executor& core() const;
  // As Server::AdoptSchema, from any thread; waits until it is done.
  absl::Status AdoptSchema(std::shared_ptr<const Schema> schema);
  // By which it decides now; any thread.
  std::shared_ptr<const Schema> schema() const;
  // Says goodbye to devices and waits until what is being committed is durable. Harmless to repeat.
  void Stop();

 private:
  struct Rep;
  explicit OpenServer(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
