// Opening, the registry of tenants and sessions, opening again after a failed write, and stopping.
#include "server/server.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/server_rep.h"

namespace intentlog {
namespace {

// How often a closing server looks whether what is under way has ended.
constexpr absl::Duration kPollInterval = absl::Milliseconds(1);

// A device's folder is one store; a server's has stores in it.
absl::Status CheckFolder(const ServerOptions& options) {
  if (options.dir.empty()) return Invalid("the server's folder has no name");
  std::error_code error;
  if (options.env == nullptr && std::filesystem::exists(options.dir + "/CURRENT", error)) {
    return FailedPrecondition(options.dir,
                              " is the folder of a device, or of another database; a server needs "
                              "a folder of its own");
  }
  return absl::OkStatus();
}

}  // namespace

// One connection's session, as the transport holds it.
class ConnectedSession final : public ServerConnection {
 public:
  ConnectedSession(std::shared_ptr<ServerSession> session, std::shared_ptr<Sessions> sessions)
      : session_(std::move(session)), sessions_(std::move(sessions)) {
    sessions_->Add(session_.get());
  }
  ~ConnectedSession() override {
    session_->Detach();
    sessions_->Remove(session_.get());
  }
  void OnFrame(std::string_view bytes) override { session_->OnFrame(bytes); }
  void OnWritable() override { session_->OnWritable(); }
  size_t unprocessed_bytes() const override { return session_->unprocessed_bytes(); }

 private:
  const std::shared_ptr<ServerSession> session_;
  const std::shared_ptr<Sessions> sessions_;
};

// ---- opening

absl::Status Server::Rep::OpenAll() {
  StoreOptions store;
  store.env = options_.env;
  store.memory = options_.memory;
  store.write_buffer_bytes = options_.write_buffer_bytes;
  ASSIGN_OR_RETURN(std::shared_ptr<RocksdbEngine> engine,
                   RocksdbEngine::Open(ServerLogDir(options_.dir), store));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, engine->Tenants());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    engine_ = std::move(engine);
  }
  for (const std::string& name : names) RETURN_IF_ERROR(OpenTenant(name).status());
  for (const auto& [name, tenant] : tenants_) tenant->Start();
  return absl::OkStatus();
}

absl::StatusOr<Tenant*> Server::Rep::OpenTenant(const std::string& name) {
  ASSIGN_OR_RETURN(std::shared_ptr<TenantStores> stores,
                   OpenTenantStores(name, engine_, options_, random_));
  if (went_back_.count(name) > 0) {
    RETURN_IF_ERROR(
        stores->log->StartEpoch(RandomId<EpochIdTag>(random_), EventLog::EpochCause::kFoundOut));
    went_back_.erase(name);
  }
  auto tenant = std::make_unique<Tenant>(
      name, stores, options_, clock_,
      Tenant::Executors{executors_.core, executors_.commit, executors_.reader, executors_.projector,
                        executors_.rebuild, executors_.snapshots},
      Tenant::Hooks{[this](const absl::Status& status) { OnStoreFailed(status); },
                    [this, name](const absl::Status& status) {
                      SetHealth(name, StatusOf(status.code(), "read models of ", name,
                                               " are not folded any more: ", status));
                    },
                    [this, name](const absl::Status& status) { SetParked(name, status); },
                    [this] { Progressed(); },
                    [this, name](const std::string& line) { Note(name, line); },
                    [this, name](const absl::Status& status) { OnWentBack(name, status); }});
  const absl::Status loaded = tenant->Load();
  if (!loaded.ok()) return StatusOf(loaded.code(), "tenant ", name, ": ", loaded);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stores_[name] = std::move(stores);
  }
  return (tenants_[name] = std::move(tenant)).get();
}

absl::StatusOr<Tenant*> Server::Rep::TenantFor(const std::string& name) {
  if (state_ != State::kRunning) return Unavailable("the server's stores are closed");
  const auto found = tenants_.find(name);
  if (found != tenants_.end()) return found->second.get();
  if (tenants_.size() >= options_.tenants_max) {
    return Exhausted("there are ", tenants_.size(), " tenants, and no more may be made");
  }
  absl::StatusOr<Tenant*> tenant = OpenTenant(name);
  if (!tenant.ok()) {
    OnStoreFailed(tenant.status());
    return tenant;
  }
  (*tenant)->Start();
  return tenant;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Open(ServerOptions options, const Clock& clock,
                                                     Random& random, Executors executors) {
  INTENTLOG_CHECK(options.schema != nullptr);
  RETURN_IF_ERROR(CheckFolder(options));
  auto rep = std::make_unique<Rep>(std::move(options), clock, random, executors);
  RETURN_IF_ERROR(rep->OpenAll());
  return std::unique_ptr<Server>(new Server(std::move(rep)));
}

Server::Server(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Server::~Server() {
  for (ServerSession* const session : rep_->sessions_->all) session->Detach();
}

// ---- sessions

std::unique_ptr<ServerConnection> Server::Accept(FrameSink& sink) {
  const bool full = sessions() >= rep_->options_.sessions_max;
  auto session = std::make_shared<ServerSession>(*rep_, sink);
  auto connection = std::make_unique<ConnectedSession>(session, rep_->sessions_);
  if (rep_->state_ == Rep::State::kStopping || rep_->state_ == Rep::State::kStopped) {
    session->Close(Goodbye::SHUTTING_DOWN, "the server is stopping", rep_->ComeBackAfter());
  } else if (full) {
    session->Close(Goodbye::SHUTTING_DOWN, "the server has as many sessions as it may have",
                   rep_->come_back_full_.After(rep_->clock_.Passed()));
  }
  rep_->ArmSweep();
  return connection;
}

void Server::Rep::CloseSessions(Goodbye::Code code, std::string_view text) {
  const std::vector<ServerSession*> all = sessions_->all;
  for (ServerSession* const session : all) session->Close(code, text, ComeBackAfter());
}

void Server::Rep::ArmSweep() {
  if (sweep_ != 0 || state_ == State::kStopped) return;
  sweep_ = executors_.core->PostAfter(options_.silence_max / 4, [this] { Sweep(); });
}

void Server::Rep::Sweep() {
  sweep_ = 0;
  const absl::Duration now = clock_.Passed();
  const std::vector<ServerSession*> all = sessions_->all;
  bool open = false;
  for (ServerSession* const session : all) {
    if (session->closed()) continue;
    open = true;
    if (now - session->heard() > options_.silence_max) {
      session->Close(Goodbye::SHUTTING_DOWN, "nothing was heard from this device for too long");
    }
  }
  if (open) ArmSweep();
}

// ---- a failed write, and stopping

void Server::Rep::SetHealth(const std::string& part, const absl::Status& status) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (status.ok()) {
      health_.erase(part);
    } else {
      health_[part] = status;
    }
  }
  Progressed();
}

void Server::Rep::SetParked(const std::string& tenant, const absl::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (status.ok()) {
    parked_.erase(tenant);
  } else {
    parked_[tenant] =
        StatusOf(status.code(), "tenant ", tenant, ": ", status, "; view parked list shows them");
  }
}

void Server::Rep::Note(const std::string& tenant, const std::string& line) {
  constexpr size_t kNoticesMax = 100;  // somebody who never takes them
  const std::lock_guard<std::mutex> lock(mutex_);
  notices_.push_back(Cat("tenant ", tenant, ": ", line));
  if (notices_.size() > kNoticesMax) notices_.erase(notices_.begin());
}

std::vector<std::string> Server::TakeNotices() {
  const std::lock_guard<std::mutex> lock(rep_->mutex_);
  return std::exchange(rep_->notices_, {});
}

void Server::Rep::Progressed() {
  if (on_progress_) on_progress_();
}

void Server::OnProgress(std::function<void()> callback) {
  rep_->on_progress_ = std::move(callback);
}

bool Server::Rep::Idle() const {
  if (backing_up_) return false;
  for (const auto& [name, tenant] : tenants_) {
    if (!tenant->idle()) return false;
  }
  return true;
}

// Called by what is going to be closed, so that is done by tasks of their own. Reading goes on
// until the stores are opened again.
void Server::Rep::OnStoreFailed(const absl::Status& status) {
  SetHealth(kStorePart, status);
  if (state_ != State::kRunning) return;
  state_ = State::kFailed;
  reopen_ = executors_.core->PostAfter(absl::ZeroDuration(), [this] {
    CloseSessions(Goodbye::STORE_FAILED, "the server opens its stores again");
    for (const auto& [name, tenant] : tenants_) tenant->Stop();
    ReopenAfter(options_.reopen_interval);
  });
}

void Server::Rep::OnWentBack(const std::string& tenant, const absl::Status& status) {
  const auto last = epoch_begun_.find(tenant);
  // A device that errs about what it had would close everybody's session again and again.
  if (last != epoch_begun_.end() && clock_.Passed() - last->second < options_.epochs_apart_min) {
    return;
  }
  epoch_begun_[tenant] = clock_.Passed();
  Note(tenant, std::string(MessageOf(status)));
  went_back_.insert(tenant);
  OnStoreFailed(status);
}

void Server::Rep::ReopenAfter(absl::Duration delay) {
  if (Planted(Bug::kReopensNever)) return;
  reopen_ = executors_.core->PostAfter(delay, [this] { Reopen(); });
}

void Server::Rep::Reopen() {
  reopen_ = 0;
  if (state_ != State::kFailed) return;
  if (!Idle()) return ReopenAfter(kPollInterval);
  // What is open can be read; on a full disk it could not be opened again for more.
  if (engine_ != nullptr && !engine_->store().CheckReopen().ok()) {
    return ReopenAfter(options_.reopen_interval);
  }
  INTENTLOG_MARK("server: stores are opened again");
  CloseStores();
  absl::Status status = Unavailable("a reader holds the stores that are to be opened again");
  if (closing_.expired()) status = OpenAll();
  if (status.ok()) {
    state_ = State::kRunning;
    const std::lock_guard<std::mutex> lock(mutex_);
    health_.clear();
    return;
  }
  for (const auto& [name, tenant] : tenants_) tenant->Stop();
  ReopenAfter(options_.reopen_interval);
}

void Server::Rep::CloseStores() {
  tenants_.clear();
  const std::lock_guard<std::mutex> lock(mutex_);
  stores_.clear();
  if (engine_ != nullptr) closing_ = engine_;
  engine_.reset();
}

void Server::Stop(std::function<void()> done) {
  rep_->state_ = Rep::State::kStopping;
  if (rep_->reopen_ != 0) rep_->executors_.core->Cancel(rep_->reopen_);
  for (const auto& [name, tenant] : rep_->tenants_) tenant->Stop();
  rep_->AwaitStopped(std::move(done));
}

void Server::Rep::AwaitStopped(std::function<void()> done) {
  if (!Idle()) {
    executors_.core->PostAfter(
        kPollInterval, [this, done = std::move(done)]() mutable { AwaitStopped(std::move(done)); });
    return;
  }
  state_ = State::kStopped;
  CloseSessions(Goodbye::SHUTTING_DOWN, "the server is stopping");
  if (sweep_ != 0) executors_.core->Cancel(sweep_);
  sweep_ = 0;
  done();
}

}  // namespace intentlog
