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
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/runtime.h"
#include "projections/engine/read_models.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/backup/backup_folder.h"
#include "server/options.h"
#include "server/sequencer/own_receipt.h"
#include "server/session/frame_sink.h"
#include "server/snapshots/snapshot_keeper.h"
#include "server/views/view_state.h"

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
    // Rebuild views, each a worker, beside what is folded; none: `projector`.
    std::vector<Executor*> rebuild = {};
    Executor* snapshots = nullptr;  // writes snapshots; null: `projector`
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

  // Calls `callback` on the core executor each time a tenant's read models have moved or the
  // server's health has changed; null: no more. On the core executor, or before it runs anything.
  void OnProgress(std::function<void()> callback);

  // ---- operating
  // From now on decides by `schema`: each tenant's log says so, and what waited for a schema is
  // admitted again. FAILED_PRECONDITION names a type that a tenant's log holds and the schema
  // lacks; nothing changes then. UNAVAILABLE while the stores are being opened again.
  absl::Status AdoptSchema(const std::shared_ptr<const Schema>& schema);
  // An operator's Resolve, Amend or Dismiss: an intent with its type and payload. Where it leaves
  // out entity and scope, they are those of the event it closes; without `based_on` the operator
  // has seen everything. `done` is called with the receipt once that is durable, unless the server
  // fails or stops before; `resolver` is how the operator is called, if not "operator".
  // INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE: nothing was done.
  absl::Status Settle(const std::string& tenant, Intent control, std::string resolver,
                      std::function<void(const OwnReceipt& receipt)> done);
  // As ViewKeeper's; NOT_FOUND names an unknown tenant, too.
  void RebuildView(const std::string& tenant, const std::string& view, const RebuildWanted& wanted,
                   std::function<void(absl::Status status)> done);
  void SwitchView(const std::string& tenant, const std::string& view, ViewSwitch how,
                  std::function<void(absl::Status status)> done);
  void WhenViewComparable(const std::string& tenant, const std::string& view,
                          std::function<void(absl::Status status)> done);
  absl::StatusOr<ViewState> StateOfView(const std::string& tenant, const std::string& view) const;
  void TakeSnapshot(const std::string& tenant, SnapshotKeeper::Taken done);
  void LookAtSnapshots(const std::string& tenant, bool whole, SnapshotKeeper::Looked done);

  // Writes a backup of every tenant into a new folder in `dir`, verifies it, and notes in each log
  // that it was taken; one at a time. FAILED_PRECONDITION: another one is being taken. Errors as
  // WriteBackup.
  using BackedUp = std::function<void(absl::StatusOr<FoundBackup> backup)>;
  void TakeBackup(const std::string& dir, BackedUp done);
  // After a restore: what waits for events that no device has brought back waits no longer. Returns
  // how far that was. NOT_FOUND, UNAVAILABLE.
  absl::StatusOr<Healing> GoOnHealing(const std::string& tenant);

  // ---- reading; any thread
  // Shared, because after a failed write the stores are closed and opened again: hold the pointer
  // while reading, and let go of it soon. NOT_FOUND names an unknown tenant and lists those there
  // are; UNAVAILABLE while the stores are being opened again.
  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const;
  absl::StatusOr<std::shared_ptr<const ReadModels>> Models(std::string_view tenant) const;
  absl::StatusOr<std::shared_ptr<const SnapshotFolder>> Snapshots(std::string_view tenant) const;
  // Position through which the read models are folded.
  Position ViewPosition(std::string_view tenant) const;
  absl::StatusOr<StatsReply> Stats(std::string_view tenant) const;
  // What is open above `after`, in order of position.
  absl::StatusOr<std::vector<OpenEvent>> OpenEvents(std::string_view tenant, Position after,
                                                    size_t limit) const;
  // Every device that was ever here, by name; reports a few seconds late.
  absl::StatusOr<std::vector<DeviceRecord>> Devices(std::string_view tenant) const;
  // Those that have a session now, by name.
  absl::StatusOr<std::vector<std::string>> LiveDevices(std::string_view tenant) const;
  size_t sessions() const;
  // Whether views are being made beside what is shown, because the program has other versions.
  bool IsMakingViews(std::string_view tenant) const;
  // Not OK while rows of read models stand still (which, since when, why), or snapshots are damaged
  // or cannot be taken. Everything else goes on.
  absl::Status degraded() const;
  // What has happened to views by itself since the last call, a line each: a rebuild failed, what
  // was live before has gone.
  std::vector<std::string> TakeNotices();
  // Not OK while writing fails or a projector has stopped: what failed, where, and what to do.
  absl::Status health() const;

 private:
  struct Rep;
  explicit Server(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
