// What a Server is inside. For the sources of Server alone.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/log/rocksdb_engine.h"
#include "server/server.h"
#include "server/session/come_back.h"
#include "server/session/server_session.h"
#include "server/tenant/tenant.h"
#include "server/tenant/tenant_stores.h"

namespace intentlog {

// No tenant's name.
inline constexpr const char* kStorePart = "/store";

// The sessions of connections. Shared with them, because a connection may outlive its server.
struct Sessions {
  // On core. In the order in which they began, not that of their addresses: a simulated run is the
  // same wherever it runs.
  std::vector<ServerSession*> all;
  std::atomic<size_t> count{0};  // any thread

  void Add(ServerSession* session) {
    all.push_back(session);
    count.store(all.size(), std::memory_order_relaxed);
  }
  void Remove(ServerSession* session) {
    all.erase(std::remove(all.begin(), all.end(), session), all.end());
    count.store(all.size(), std::memory_order_relaxed);
  }
};

// What a device waits at least that found the server full.
inline constexpr absl::Duration kFullRetryAfter = absl::Seconds(30);

struct Server::Rep final : public ServerSessionHost {
  enum class State { kRunning, kFailed, kStopping, kStopped };

  Rep(ServerOptions given, const Clock& the_clock, Random& the_random, Executors the_executors)
      : options_(std::move(given)),
        clock_(the_clock),
        random_(the_random),
        executors_(the_executors) {
    if (executors_.projector == nullptr) executors_.projector = executors_.reader;
    if (executors_.rebuild.empty()) executors_.rebuild = {executors_.projector};
    if (executors_.snapshots == nullptr) executors_.snapshots = executors_.projector;
  }

  // ---- ServerSessionHost
  absl::StatusOr<Tenant*> TenantFor(const std::string& name) override;
  const ServerOptions& options() const override { return options_; }
  const Clock& clock() const override { return clock_; }
  Executor& core() override { return *executors_.core; }
  absl::Duration ComeBackAfter() override { return come_back_.After(clock_.Passed()); }

  absl::Status OpenAll();
  absl::StatusOr<Tenant*> OpenTenant(const std::string& name);
  absl::StatusOr<std::shared_ptr<TenantStores>> Find(std::string_view tenant) const;
  absl::StatusOr<Tenant*> RunningTenant(const std::string& name);

  void CloseSessions(Goodbye::Code code, std::string_view text);
  void ArmSweep();
  void Sweep();

  bool Idle() const;
  void OnStoreFailed(const absl::Status& status);
  void OnWentBack(const std::string& tenant, const absl::Status& status);
  void ReopenAfter(absl::Duration delay);
  void Reopen();
  void CloseStores();
  void AwaitStopped(std::function<void()> done);
  void NoteBackup(const FoundBackup& backup, std::function<void()> done);
  absl::Status AdoptSchema(const std::shared_ptr<const Schema>& schema);

  void SetHealth(const std::string& part, const absl::Status& status);
  void Note(const std::string& tenant, const std::string& line);
  void SetParked(const std::string& tenant, const absl::Status& status);
  void Progressed();

  ServerOptions options_;  // only the schema changes, on core
  const Clock& clock_;
  Random& random_;
  Executors executors_;
  State state_ = State::kRunning;
  std::function<void()> on_progress_;
  const std::shared_ptr<Sessions> sessions_ = std::make_shared<Sessions>();
  std::map<std::string, std::unique_ptr<Tenant>> tenants_;
  std::weak_ptr<RocksdbEngine> closing_;  // until its last reader lets go
  Executor::TimerId sweep_ = 0;
  Executor::TimerId reopen_ = 0;
  ComeBack come_back_{options_.reopen_interval};  // when it is open again, or another runs
  ComeBack come_back_full_{kFullRetryAfter};
  bool backing_up_ = false;
  // Tenants whose log begins a new epoch when it is opened again, and when one began so.
  std::set<std::string> went_back_;
  std::map<std::string, absl::Duration> epoch_begun_;  // in the clock's passed time

  mutable std::mutex mutex_;
  // Protected by mutex_.
  std::shared_ptr<RocksdbEngine> engine_;
  std::map<std::string, std::shared_ptr<TenantStores>, std::less<>> stores_;
  std::map<std::string, absl::Status>
      health_;  // kStorePart, or a tenant whose read models are not folded
  std::map<std::string, absl::Status> parked_;  // tenants with rows that stand still
  std::vector<std::string> notices_;
};

}  // namespace intentlog
