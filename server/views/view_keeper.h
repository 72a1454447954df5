// A ViewKeeper rebuilds a tenant's views beside the live ones, and switches between builds.
//
//   live ──────────────────────────────────────────────► previous   follows, to be rolled back to
//          shadow: Rebuild ──► joins the projector ──► live
//                  resumable   folded with the live one:
//                              compare, activate, cancel
//
// A view whose live build is of another version than the program's, or that is new, is rebuilt so
// by itself and activated when it is ready; until then readers see what there is.
//
// What was live before goes away by itself after a window (ServerOptions).
//
// A switch is one write of the view's record. Readers go on with what they began with, and the next
// ones see the other build.
//
// Methods and callbacks on the core executor. What it writes, it writes on the projector's, one
// after another with what that folds; rebuilding has executors of its own. Destroy it when idle()
// only, or when the executors run nothing more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/store/store.h"
#include "projections/engine/rebuild.h"
#include "projections/snapshot/snapshot_folder.h"
#include "proto/store.pb.h"
#include "server/options.h"
#include "server/projector/projector.h"
#include "server/views/view_state.h"

namespace intentlog {

class ViewKeeper {
 public:
  struct Executors {
    Executor* core;
    Executor* projector;
    std::vector<Executor*> rebuild;  // never empty; as many workers as these at most
  };
  struct Hooks {
    // Readers see `models` from now on. Called on the projector executor.
    std::function<void(std::shared_ptr<ReadModels> models)> publish;
    // On the core's, after a switch.
    std::function<void()> switched;
    // Whether views are being made that the program's versions ask for.
    std::function<void(bool making)> making;
    // A line for whoever operates the server: a rebuild failed, or a build went away by itself.
    std::function<void(std::string line)> notice;
  };

  // All must outlive the keeper. `term`: of who writes to the store.
  ViewKeeper(const EventLog& log, Store& store, Term term, const SnapshotFolder& snapshots,
             Projector& projector, const ServerOptions& options, const Clock& clock,
             Executors executors, Hooks hooks);

  // Goes on with rebuilds that a restart interrupted, and with removing what was dropped; begins
  // with those that the program's versions ask for.
  void Start();
  // The projector has folded something.
  void OnFolded();

  using Done = std::function<void(absl::Status status)>;
  // Begins to build a shadow, or goes on with one that was interrupted; `done` says whether it was
  // begun. FAILED_PRECONDITION: another rebuild is running, there is a shadow already, nothing is
  // folded yet, or no snapshot fits; each says what to do. NOT_FOUND names an unknown view.
  void Rebuild(const std::string& view, const RebuildWanted& wanted, Done done);
  // The switch is durable, and read, when `done` is called with OK. FAILED_PRECONDITION says what
  // is so instead.
  // A shadow that has joined a moment ago is first folded as far as the live build.
  void Switch(const std::string& view, ViewSwitch how, Done done);
  // Calls `done` when live build and shadow are folded equally far, as the models that readers see
  // have them. FAILED_PRECONDITION if there is no shadow that is ready.
  void WhenComparable(const std::string& view, Done done);

  void Stop();
  bool idle() const { return tasks_ == 0; }

  // NOT_FOUND names an unknown view.
  absl::StatusOr<ViewState> State(const std::string& view) const;

 private:
  struct Running {
    std::string view;
    bool loading = false;                // rows of a snapshot
    std::atomic<bool> cancelled{false};  // ends the loading; any thread
    std::unique_ptr<intentlog::Rebuild> rebuild;
    ViewRecord record;  // of the rebuild's executor
    absl::Duration began;
    Position from;
  };
  // What a view's rebuild has to tell.
  struct Progress {
    bool running = false;
    Position through;
    double events_per_second = 0;
    absl::Status last;  // how the last one ended
  };

  std::shared_ptr<const Projection> Find(const std::string& view) const;
  // Runs `task` on the projector executor, then `done` with what it gave on the core's.
  void OnProjector(std::function<absl::Status()> task, Done done);
  // As OnProjector, once the projector has folded again what a shadow that joined did not have.
  void OnceCaughtUp(std::function<absl::Status()> task, Done done);
  // ---- on the projector executor
  absl::StatusOr<ViewRecord> RecordOf(const std::string& view) const;
  absl::StatusOr<ViewRecord> BeginShadow(const std::shared_ptr<const Projection>& projection,
                                         bool loads);
  absl::Status Join(const std::string& view, Position through);
  absl::Status Apply(const std::string& view, ViewSwitch how);
  // FAILED_PRECONDITION if more rows stand still in the shadow than in the live build.
  absl::Status CheckParked(const ViewRecord& record) const;
  absl::Status Reopen(Position from);
  absl::Status Commit(StoreBatch& batch);
  absl::Status EndDueRollBacks(std::vector<std::string>& ended, int64_t& next_us);
  // What GoOn has to do for the view.
  enum class Due { kNothing, kRebuild, kActivate };
  absl::StatusOr<Due> DueOf(const Projection& projection) const;
  // ---- on the core's
  void GoOn();
  void ActivateDue();
  // `file`: where to begin; null: at the first event.
  void Begin(const std::shared_ptr<const Projection>& projection, const RebuildWanted& wanted,
             std::shared_ptr<const SnapshotFile> file, Done done);
  void Load(const std::shared_ptr<const Projection>& projection, ViewRecord record,
            const RebuildWanted& wanted, std::shared_ptr<const SnapshotFile> file);
  void Run(const std::shared_ptr<const Projection>& projection, const ViewRecord& record,
           const RebuildWanted& wanted);
  void OnRebuilt(absl::Status status, Position through);
  void NoticeFailure(const std::string& view, const absl::Status& status);
  // Drops what was live before where its time is over, and comes back for the next.
  void EndRollBacks();
  void Sweep();
  template <class Change>
  void Tell(const std::string& view, Change change);

  const EventLog& log_;
  Store& store_;
  const Term term_;
  const SnapshotFolder& snapshots_;
  Projector& projector_;
  const ServerOptions& options_;
  const Clock& clock_;
  const Executors executors_;
  const Hooks hooks_;
  std::shared_ptr<Running> running_;              // with what its executor still has to do
  std::set<std::pair<std::string, bool>> tried_;  // by GoOn: views, and whether to activate them
  std::string activate_due_;  // a view, once the projector has caught up; empty: none
  std::vector<std::function<void()>> later_;  // what waits until more is folded
  bool activating_ = false;
  Executor::TimerId ending_ = 0;
  bool sweeping_ = false;
  bool stopped_ = false;
  int tasks_ = 0;

  mutable std::mutex mutex_;
  std::map<std::string, Progress, std::less<>> progress_;  // protected by mutex_
};

}  // namespace intentlog
