// Views, as operators rebuild and switch them, and their snapshots.
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
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

}  // namespace intentlog
