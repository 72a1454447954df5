// A SnapshotKeeper takes snapshots of a tenant's read models when its policy says so, while folding
// and reading go on, and removes those that newer ones replace. A failure is told and tried again
// later; the server goes on without.
//
//   projector: rows frozen at what is folded  ─►  writer: written, read back, named  ─►  core
//
// Methods and callbacks on the core executor. Destroy it when idle() only, or when the executors
// run nothing more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "projections/engine/frozen_rows.h"
#include "projections/snapshot/snapshot_folder.h"
#include "server/options.h"
#include "server/projector/projector.h"
#include "server/snapshots/snapshot_alarms.h"
#include "server/snapshots/snapshot_policy.h"

namespace intentlog {

class SnapshotKeeper {
 public:
  struct Executors {
    Executor* core;
    Executor* projector;
    Executor* writer;  // blocks while a snapshot is written
  };
  // Of what readers see; called on the projector executor.
  using Freeze = std::function<FrozenRows()>;

  // All must outlive the keeper.
  SnapshotKeeper(const EventLog& log, const Projector& projector, const SnapshotFolder& folder,
                 SnapshotAlarms& alarms, const ServerOptions& options, const Clock& clock,
                 Executors executors, Freeze freeze);

  // Removes what an earlier process left unfinished, and looks at what there is.
  void Start();
  // The projector has folded something.
  void OnFolded();

  // Takes one now, if none is being taken: FAILED_PRECONDITION then, and where nothing is folded or
  // something is folded again. ALREADY_EXISTS: a file that may not be used has the name. Others as
  // SnapshotWriter.
  using Taken = std::function<void(absl::StatusOr<FoundSnapshot> taken)>;
  void Take(Taken done);
  // Lists the files; with `whole`, reads all of each. Each status says what came of it.
  using Looked = std::function<void(absl::StatusOr<std::vector<FoundSnapshot>> found)>;
  void Look(bool whole, Looked done);

  // Those that may be used, newest first: devices may begin at them.
  const std::vector<std::shared_ptr<const SnapshotFile>>& usable() const { return usable_; }
  // The file turned out damaged.
  void Forget(const SnapshotFile& file, const absl::Status& why);

  void Stop();
  bool idle() const { return tasks_ == 0; }

 private:
  struct Frozen {
    std::string schema_digest;
    FrozenRows rows;
    Position position;
  };

  SnapshotSince Since() const;
  std::vector<std::shared_ptr<const SnapshotFile>> Usable() const;
  void Arm(absl::Duration due);
  absl::StatusOr<FoundSnapshot> Write(const Frozen& frozen) const;
  void OnWritten(const absl::StatusOr<FoundSnapshot>& taken);

  const EventLog& log_;
  const Projector& projector_;
  const SnapshotFolder& folder_;
  SnapshotAlarms& alarms_;
  const ServerOptions& options_;
  const Clock& clock_;
  const Executors executors_;
  const Freeze freeze_;

  bool ready_ = false;  // what there is has been looked at
  bool taking_ = false;
  std::vector<std::shared_ptr<const SnapshotFile>> usable_;
  Position last_;                // of the newest that may be used
  uint64_t last_bytes_ = 0;      // of the log, folded until then
  absl::Duration looked_since_;  // when the last one was taken or failed, in passed time
  absl::Duration last_took_ = absl::ZeroDuration();
  int failures_ = 0;
  Executor::TimerId timer_ = 0;
  absl::Duration timer_at_;           // in passed time
  std::atomic<bool> stopped_{false};  // any thread: ends the writing, too
  int tasks_ = 0;
};

}  // namespace intentlog
