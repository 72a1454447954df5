// A Server keeps the logs of its tenants, admits what devices push, and feeds each device what it
// may see. It has no transport: server/wire connects gRPC to it, tests connect a simulated network.
//
// Everything happens on `core`, except what blocks: commits on `commit`, reading history on
// `reader`, folding on `projector`. In simulation all are one executor. Methods are called on
// `core`, unless they say otherwise. Runtime and executors must outlive the server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/runtime.h"
#include "projections/engine/read_models.h"
#include "proto/store.pb.h"
#include "server/options.h"
#include "server/session/frame_sink.h"

namespace intentlog {

// One connected device, as the transport sees it. Destroying it ends the session.
class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  virtual void OnFrame(std::string_view bytes) = 0;
  // The transport took what was sent: more may follow.
  virtual void OnWritable() = 0;
  // Input without an answer yet. The transport stops reading above push_window_bytes, until
  // FrameSink::InputProcessed.
  virtual size_t unprocessed_bytes() const = 0;
};

class Server {
 public:
  struct Executors {
    Executor* core = nullptr;
    Executor* commit = nullptr;
    Executor* reader = nullptr;
    Executor* projector = nullptr;  // folds; null: `reader`
  };
  // Blocking; call before the executors run anything of it. Errors as Store::Open and
  // EventLog::Open.
  static absl::StatusOr<std::unique_ptr<Server>> Open(ServerOptions options, const Clock& clock,
                                                      Random& random, Executors executors);
  // REQUIRES: Stop was called and its callback ran, or the executors run nothing more.
  ~Server();

  // A device connected. `sink` must outlive the connection.
  std::unique_ptr<ServerConnection> Accept(FrameSink& sink);
  // Says goodbye to all, lets what is being committed finish, then calls `done`.
  void Stop(std::function<void()> done);

  // ---- reading; any thread
  // Shared, because after a failed write the stores are closed and opened again: hold the pointer
  // while reading, and let go of it soon. NOT_FOUND names an unknown tenant and lists those there
  // are; UNAVAILABLE while the stores are being opened again.
  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const;
  absl::StatusOr<std::shared_ptr<const ReadModels>> Models(std::string_view tenant) const;
  // Position through which the read models are folded.
  Position ViewPosition(std::string_view tenant) const;
  absl::StatusOr<StatsReply> Stats(std::string_view tenant) const;
  size_t sessions() const;
  // Not OK while writing fails or a projector has stopped: what failed, where, and what to do.
  absl::Status health() const;

 private:
  struct Rep;
  explicit Server(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
