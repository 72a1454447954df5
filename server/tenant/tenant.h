// A Tenant is one merchant at work: its log, the sequencer that decides, the hub that feeds, the
// projector that folds, and the devices it knows.
//
//   Introduce ─► cursors compared with the log (reader) ─► session number durable (commit) ─►
//   Welcome
//
// Everything on the core executor. Destroy it when idle() only, or when the executors run nothing
// more.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "proto/store.pb.h"
#include "proto/sync.pb.h"
#include "server/feed/feed_hub.h"
#include "server/options.h"
#include "server/projector/projector.h"
#include "server/sequencer/sequencer.h"
#include "server/snapshots/snapshot_keeper.h"
#include "server/tenant/tenant_stores.h"
#include "server/views/view_keeper.h"

namespace intentlog {

// The live session of an installation.
class DeviceSession {
 public:
  virtual ~DeviceSession() = default;
  // A newer session took over one of its device logs.
  virtual void Supersede() = 0;
};

class Tenant {
 public:
  struct Executors {
    Executor* core;
    Executor* commit;
    Executor* reader;
    Executor* projector;
    std::vector<Executor*> rebuild;  // never empty
    Executor* snapshots;
  };
  struct Hooks {
    std::function<void(const absl::Status& status)> store_failed;  // nothing is decided any more
    std::function<void(const absl::Status& status)> projector_failed;  // ingest goes on
    // Rows of read models stand still, or none does (any more).
    std::function<void(const absl::Status& status)> parked;
    std::function<void()> folded;                  // read models have moved
    std::function<void(std::string line)> notice;  // as ViewKeeper's
    // A device has more of the log's newest epoch than the log has: it went back, and nothing may
    // be written to it before a new epoch begins.
    std::function<void(const absl::Status& status)> went_back;
  };

  Tenant(std::string name, std::shared_ptr<TenantStores> stores, const ServerOptions& options,
         const Clock& clock, Executors executors, Hooks hooks);

  // Reads the state of all parts. Blocking; before anything else.
  absl::Status Load();
  // Begins to fold, and goes on with what was left to do.
  void Start() {
    projector_.Wake();
    sequencer_.Start();
    views_.Start();
    snapshots_.Start();
  }

  // Compares the device's cursors with this log, gives the session its number and makes that
  // durable, then calls `done`, unless the tenant stops before. Older sessions that push to one of
  // its device logs are superseded: each log has one session, the newest. FAILED_PRECONDITION: the
  // device's history is that of another log.
  struct Introduced {
    std::string name;  // of the installation (installations.h)
    uint64_t session = 0;
    std::optional<DeviceRecord> before;  // as the hello before this one left it
    AdoptedSchema schema;                // that the server decides by
    // Of which the device's cursor is in no history of this log.
    std::vector<std::string> lost_scopes;
    // The device had more than is here: it drops that, and comes again.
    bool has_lost = false;
  };
  using OnIntroduced = std::function<void(absl::StatusOr<Introduced> introduced)>;
  void Introduce(const Hello& hello, OnIntroduced done);
  // `session` is the installation's live one from now on. False if a newer one was introduced
  // meanwhile.
  bool Enter(const std::string& name, uint64_t number, DeviceSession& session);
  void Leave(const std::string& name, const DeviceSession& session);
  void Note(const std::string& name, const Report& report);
  // Keeps the newest of them with the installation.
  void NoteFork(const std::string& name, ForkSeen fork);
  // What the oldest backup covers that is still accepted for a restore.
  Position durable_through() const;
  // A backup was taken; `done` when that is durable.
  void NoteBackup(const Backups::Backup& backup, std::function<void()> done);

  // As Decider::MayAdopt and Adopt; read models follow.
  absl::Status MayAdopt(const Schema& schema) const { return sequencer_.MayAdopt(schema); }
  absl::Status Adopt(const std::shared_ptr<const Schema>& schema);

  // Drops what waits; what is being appended is finished and answered. No feed is sent any more.
  void Stop();
  // No task of the tenant is on its way.
  bool idle() const;

  const std::string& name() const { return name_; }
  const EventLog& log() const { return *stores_->log; }
  Sequencer& sequencer() { return sequencer_; }
  FeedHub& hub() { return hub_; }
  ViewKeeper& views() { return views_; }
  SnapshotKeeper& snapshots() { return snapshots_; }

 private:
  struct Device {
    DeviceRecord record;  // of the newest session
    DeviceSession* live = nullptr;
    bool changed = false;       // since it was written
    absl::Duration written_at;  // in the clock's passed time
  };
  struct Introduction {
    Hello hello;
    OnIntroduced done;
    std::vector<DeviceRecord> stored;  // of installations that have the device's name
    std::vector<std::string> left;     // log_ids that only it has written to, and left
    AdoptedSchema schema;
    std::vector<std::string> lost_scopes;
    std::optional<LostHistory> lost;
    bool went_back = false;
    absl::Status status;
  };

  absl::Status ReadIntroduction(Introduction& introduction) const;
  absl::Status CompareHistories(Introduction& introduction) const;
  absl::Status ReadInstallations(Introduction& introduction) const;
  void FinishIntroduction(Introduction& introduction);
  std::string NameOf(const Introduction& introduction) const;
  uint64_t NewestSession(const Introduction& introduction) const;
  void TakeOver(const std::string& name, const DeviceRecord& record);
  void EndLive(const std::string& name, Device& device);
  // For readers on other threads.
  void ShowLive(const std::string& name, bool live);
  void Write(Device& device, std::function<void()> done);

  const std::string name_;
  const std::shared_ptr<TenantStores> stores_;
  const ServerOptions& options_;
  const Clock& clock_;
  const Executors executors_;
  FeedHub hub_;
  Projector projector_;
  ViewKeeper views_;
  SnapshotKeeper snapshots_;
  Sequencer sequencer_;
  const std::function<void(const absl::Status& status)> went_back_;
  Backups backups_;
  std::map<std::string, Device, std::less<>> devices_;  // by the installation's name
  std::map<std::string, std::string> live_logs_;        // who has a session for a log_id
  const std::function<void(std::string line)> notice_;
  bool stopped_ = false;
  int tasks_ = 0;
};

// Whether the cursor is a place of this log's history. FAILED_PRECONDITION says why not.
absl::Status CheckCursor(const EventLog& log, const Cursor& cursor);

}  // namespace intentlog
