// Views, as operators rebuild and switch them.
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/server.h"
#include "server/server_rep.h"

namespace intentlog {

absl::StatusOr<ViewKeeper*> Server::Rep::ViewsOf(const std::string& name) {
  if (state_ != State::kRunning) return Unavailable("the server's stores are closed");
  const auto found = tenants_.find(name);
  if (found != tenants_.end()) return &found->second->views();
  return NotFound("there is no tenant \"", name, "\"");
}

void Server::RebuildView(const std::string& tenant, const std::string& view,
                         const RebuildWanted& wanted,
                         std::function<void(absl::Status status)> done) {
  const auto views = rep_->ViewsOf(tenant);
  if (!views.ok()) return done(views.status());
  (*views)->Rebuild(view, wanted, std::move(done));
}

void Server::SwitchView(const std::string& tenant, const std::string& view, ViewSwitch how,
                        std::function<void(absl::Status status)> done) {
  const auto views = rep_->ViewsOf(tenant);
  if (!views.ok()) return done(views.status());
  (*views)->Switch(view, how, std::move(done));
}

void Server::WhenViewComparable(const std::string& tenant, const std::string& view,
                                std::function<void(absl::Status status)> done) {
  const auto views = rep_->ViewsOf(tenant);
  if (!views.ok()) return done(views.status());
  (*views)->WhenComparable(view, std::move(done));
}

absl::StatusOr<ViewState> Server::StateOfView(const std::string& tenant,
                                              const std::string& view) const {
  ASSIGN_OR_RETURN(ViewKeeper* const views, rep_->ViewsOf(tenant));
  return views->State(view);
}

}  // namespace intentlog
