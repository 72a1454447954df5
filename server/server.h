// A Server keeps the logs of its tenants, admits what devices push, and feeds each device what it may
// see. It has no transport: server/wire connects gRPC to it, tests connect a simulated network.
//
// Everything happens on `core`, except what blocks: commits on `commit`, reading history and folding on
// `reader`. In simulation all three are one executor. Methods are called on `core`, unless they say
// otherwise. Runtime and executors must outlive the server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/runtime.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/read_models.h"
#include "proto/store.pb.h"
#include "server/session/frame_sink.h"

namespace rocksdb {
class Env;
}

namespace intentlog {

struct ServerOptions {
  std::string dir;                       // DIR/log and DIR/views
  std::shared_ptr<const Schema> schema;
  Projections projections;
  rocksdb::Env* env = nullptr;           // the file system; null: the machine's

  // Limits told to devices, and enforced. One frame must hold the largest batch (512 KiB).
  uint32_t frame_bytes_max = 1 << 20;
  uint32_t push_window_bytes = 2 << 20;  // per session, pushed and not receipted
  uint32_t batch_intents_max = 2048;
  uint32_t batch_bytes_max = 512 << 10;
  // One group commit takes at most this; more waits for the next one.
  size_t group_bytes_max = 4 << 20;
  // Groups decided but not yet durable.
  int groups_in_flight_max = 2;
  // A feed frame is filled up to this from history.
  size_t feed_frame_bytes = 256 << 10;
  // Serialized feed frames kept for sharing.
  size_t feed_cache_bytes = 16 << 20;
  // A session's frames not yet taken by its transport; feed waits above it.
  size_t unsent_bytes_max = 512 << 10;
  size_t sessions_max = 20000;
  // A quiet scope's cursor moves at most this often.
  absl::Duration quiet_cursor_interval = absl::Seconds(10);
  absl::Duration silence_max = absl::Seconds(60);
  size_t summary_cache_entities = 20000;
};

// One connected device, as the transport sees it. Destroying it ends the session.
class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  virtual void OnFrame(std::string_view bytes) = 0;
  // The transport took what was sent: more may follow.
  virtual void OnWritable() = 0;
  // Unprocessed input; the transport stops reading above push_window_bytes.
  virtual size_t unprocessed_bytes() const = 0;
};

class Server {
 public:
  struct Executors {
    Executor* core;
    Executor* commit;
    Executor* reader;
  };
  // Blocking; call before the executors run anything of it. Errors as Store::Open and EventLog::Open.
  static absl::StatusOr<std::unique_ptr<Server>> Open(ServerOptions options, const Clock& clock,
                                                      Random& random, Executors executors);
  // REQUIRES: Stop was called and its callback ran, or the executors run nothing more.
  ~Server();

  // A device connected. `sink` must outlive the connection.
  std::unique_ptr<ServerConnection> Accept(FrameSink& sink);
  // Says goodbye to all, lets what is being committed finish, then calls `done`.
  void Stop(std::function<void()> done);

  // ---- reading; any thread
  // NOT_FOUND names an unknown tenant and lists those there are.
  absl::StatusOr<const EventLog*> Log(std::string_view tenant) const;
  absl::StatusOr<const ReadModels*> Models(std::string_view tenant) const;
  // Position through which the read models are folded.
  Position ViewPosition(std::string_view tenant) const;
  absl::StatusOr<StatsReply> Stats(std::string_view tenant) const;
  size_t sessions() const;
  absl::Status health() const;  // the first write failure, if any

 private:
  struct Rep;
  explicit Server(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
