// What is open on disk for one tenant. Shared by the core and by readers on any thread; closed when
// the last of them lets go.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/random.h"
#include "eventlog/store/store.h"
#include "projections/engine/read_models.h"
#include "projections/snapshot/snapshot_folder.h"
#include "proto/store.pb.h"
#include "server/options.h"
#include "server/snapshots/snapshot_alarms.h"

namespace intentlog {

struct TenantStores {
  std::shared_ptr<RocksdbEngine> engine;  // of all tenants
  std::unique_ptr<EventLog> log;
  Term term;      // of this server's take-over of the log
  LogId own_log;  // the server's own device log
  std::unique_ptr<Store> views;
  SnapshotAlarms snapshot_alarms;
  std::unique_ptr<const SnapshotFolder> snapshots;  // of `views`
  std::atomic<uint64_t> folded{0};                  // position through which read models are folded
  std::atomic<uint64_t> sessions{0};                // of devices, past their Welcome
  std::atomic<bool> making_views{false};            // that the program's versions ask for
  std::shared_ptr<ReadModels> models() const {
    const std::lock_guard<std::mutex> lock(models_mutex);
    return current_models;
  }
  void ShowModels(std::shared_ptr<ReadModels> models) {
    const std::lock_guard<std::mutex> lock(models_mutex);
    current_models.swap(models);
  }
  // What a restore lost and devices bring back, as an operator is shown it.
  Healing healing() const {
    const std::lock_guard<std::mutex> lock(models_mutex);
    return current_healing;
  }
  void ShowHealing(Healing healing) {
    const std::lock_guard<std::mutex> lock(models_mutex);
    current_healing = std::move(healing);
  }
  mutable std::mutex models_mutex;
  Healing current_healing;                     // protected by models_mutex
  std::shared_ptr<ReadModels> current_models;  // protected by models_mutex
  std::mutex live_mutex;
  std::set<std::string, std::less<>> live;  // devices with a session; protected by live_mutex
};

// Letters, digits, '.', '_' and '-', not beginning with '.': the name is also a folder's.
absl::Status CheckTenantName(std::string_view tenant);

// Opens or makes the tenant's log and read models, and takes over its log (a new term). Blocking.
// Errors as EventLog::Open, Store::Open and ReadModels::Open.
absl::StatusOr<std::shared_ptr<TenantStores>> OpenTenantStores(
    const std::string& tenant, std::shared_ptr<RocksdbEngine> engine, const ServerOptions& options,
    Random& random);

}  // namespace intentlog
