// What operators do with views, their snapshots, and backups.
#include <memory>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/backup/write_backup.h"
#include "server/server.h"
#include "server/server_rep.h"

namespace intentlog {

absl::StatusOr<Tenant*> Server::Rep::RunningTenant(const std::string& name) {
  if (state_ != State::kRunning) return Unavailable("the server's stores are closed");
  const auto found = tenants_.find(name);
  if (found != tenants_.end()) return found->second.get();
  return NotFound("there is no tenant \"", name, "\"");
}

void Server::RebuildView(const std::string& tenant, const std::string& view,
                         const RebuildWanted& wanted,
                         std::function<void(absl::Status status)> done) {
  const auto found = rep_->RunningTenant(tenant);
  if (!found.ok()) return done(found.status());
  (*found)->views().Rebuild(view, wanted, std::move(done));
}

void Server::SwitchView(const std::string& tenant, const std::string& view, ViewSwitch how,
                        std::function<void(absl::Status status)> done) {
  const auto found = rep_->RunningTenant(tenant);
  if (!found.ok()) return done(found.status());
  (*found)->views().Switch(view, how, std::move(done));
}

void Server::WhenViewComparable(const std::string& tenant, const std::string& view,
                                std::function<void(absl::Status status)> done) {
  const auto found = rep_->RunningTenant(tenant);
  if (!found.ok()) return done(found.status());
  (*found)->views().WhenComparable(view, std::move(done));
}

absl::StatusOr<ViewState> Server::StateOfView(const std::string& tenant,
                                              const std::string& view) const {
  ASSIGN_OR_RETURN(Tenant* const found, rep_->RunningTenant(tenant));
  return found->views().State(view);
}

void Server::TakeSnapshot(const std::string& tenant, SnapshotKeeper::Taken done) {
  const auto found = rep_->RunningTenant(tenant);
  if (!found.ok()) return done(found.status());
  (*found)->snapshots().Take(std::move(done));
}

void Server::LookAtSnapshots(const std::string& tenant, bool whole, SnapshotKeeper::Looked done) {
  const auto found = rep_->RunningTenant(tenant);
  if (!found.ok()) return done(found.status());
  (*found)->snapshots().Look(whole, std::move(done));
}

absl::StatusOr<std::shared_ptr<const SnapshotFolder>> Server::Snapshots(
    std::string_view tenant) const {
  ASSIGN_OR_RETURN(std::shared_ptr<TenantStores> stores, rep_->Find(tenant));
  const SnapshotFolder* const folder = stores->snapshots.get();
  return std::shared_ptr<const SnapshotFolder>(std::move(stores), folder);
}

// ---- backups

void Server::TakeBackup(const std::string& dir, BackedUp done) {
  Rep& rep = *rep_;
  if (rep.state_ != Rep::State::kRunning)
    return done(Unavailable("the server's stores are closed"));
  if (rep.backing_up_) return done(FailedPrecondition("another backup is being taken"));
  struct Work {
    std::shared_ptr<RocksdbEngine> engine;
    std::vector<std::shared_ptr<TenantStores>> stores;  // stay open meanwhile
    BackupSource source;
  };
  auto work = std::make_shared<Work>();
  {
    const std::lock_guard<std::mutex> lock(rep.mutex_);
    work->engine = rep.engine_;
    for (const auto& [name, stores] : rep.stores_) {
      work->stores.push_back(stores);
      work->source.views[name] = stores->views.get();
    }
  }
  work->source.engine = work->engine.get();
  work->source.accepted = rep.options_.backups_accepted;
  rep.backing_up_ = true;
  rep.executors_.snapshots->Post([&rep, work, dir, done = std::move(done)]() mutable {
    auto written = WriteBackup(work->source, dir, rep.clock_.WallMicros());
    rep.executors_.core->Post(
        [&rep, work, written = std::move(written), done = std::move(done)]() mutable {
          rep.backing_up_ = false;
          work.reset();
          if (!written.ok()) return done(std::move(written));
          const FoundBackup backup = *written;
          rep.NoteBackup(backup, [backup, done = std::move(done)] { done(backup); });
        });
  });
}

// `done` when each log that the backup holds says so, durably.
void Server::Rep::NoteBackup(const FoundBackup& backup, std::function<void()> done) {
  const auto left = std::make_shared<int>(1);
  const auto one_less = [left, done = std::move(done)] {
    if (--*left == 0) done();
  };
  for (const BackupManifest::Log& log : backup.manifest.logs()) {
    const auto tenant = tenants_.find(log.tenant());
    if (tenant == tenants_.end()) continue;
    Backups::Backup taken;
    taken.set_name(backup.manifest.name());
    taken.set_position(log.position());
    taken.set_at_us(backup.manifest.at_us());
    ++*left;
    tenant->second->NoteBackup(taken, one_less);
  }
  one_less();
}

absl::StatusOr<Healing> Server::GoOnHealing(const std::string& tenant) {
  ASSIGN_OR_RETURN(Tenant* const found, rep_->RunningTenant(tenant));
  return found->sequencer().GoOnHealing();
}

}  // namespace intentlog
