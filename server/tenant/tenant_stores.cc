#include "server/tenant/tenant_stores.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "projections/engine/view_records.h"
#include "server/sequencer/server_rows.h"
#include "server/snapshots/fast_start.h"
#include "server/views/view_models.h"

namespace intentlog {

absl::Status CheckTenantName(std::string_view tenant) {
  RETURN_IF_ERROR(ValidTenant(tenant));
  const bool plain = std::all_of(tenant.begin(), tenant.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
  if (plain && tenant.front() != '.') return absl::OkStatus();
  return Invalid("the tenant's name \"", tenant,
                 "\" may have letters, digits, '.', '_' and '-', and not begin with '.'");
}

namespace {

// The name of the server's own device log is made once.
absl::StatusOr<LogId> NameOwnLog(EventLog& log, Random& random) {
  ASSIGN_OR_RETURN(const std::optional<std::string> row, log.GetIndex(OwnLogKey()));
  if (row) return LogId::FromBytes(*row);
  const auto name = RandomId<LogIdTag>(random);
  RETURN_IF_ERROR(log.PutIndex(OwnLogKey(), std::string(name.bytes())));
  return name;
}

}  // namespace

absl::StatusOr<std::shared_ptr<TenantStores>> OpenTenantStores(
    const std::string& tenant, std::shared_ptr<RocksdbEngine> engine, const ServerOptions& options,
    Random& random) {
  auto stores = std::make_shared<TenantStores>();
  stores->engine = std::move(engine);
  ASSIGN_OR_RETURN(stores->log, EventLog::Open(*stores->engine, tenant,
                                               RandomId<EpochIdTag>(random), EventLogOptions()));
  ASSIGN_OR_RETURN(stores->term, stores->log->Fence());
  ASSIGN_OR_RETURN(stores->own_log, NameOwnLog(*stores->log, random));
  stores->snapshots = std::make_unique<const SnapshotFolder>(
      ServerSnapshotsDir(options.dir, tenant),
      [log = stores->log.get()](const SnapshotInfo& info) { return CheckOfLog(*log, info); },
      FingerprintsOf(options.projections),
      [alarms = &stores->snapshot_alarms](const std::string& path, const absl::Status& why) {
        alarms->Tell(path, why);
      });
  StoreOptions views;
  views.role = "server-views";
  views.env = options.env;
  views.memory = options.memory;
  views.write_buffer_bytes = options.write_buffer_bytes;
  ASSIGN_OR_RETURN(stores->views, Store::Open(ServerViewsDir(options.dir, tenant), views));
  RETURN_IF_ERROR(StartFromSnapshots(*stores->snapshots, options.projections, *stores->views));
  RETURN_IF_ERROR(TakeOver(*stores->views, stores->term));
  ASSIGN_OR_RETURN(stores->current_models,
                   OpenViewModels(*stores->views, options.projections, stores->term, nullptr));
  return stores;
}

}  // namespace intentlog
