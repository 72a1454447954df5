#include "server/tenant/tenant_stores.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"

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

absl::StatusOr<std::shared_ptr<TenantStores>> OpenTenantStores(
    const std::string& tenant, std::shared_ptr<RocksdbEngine> engine, const ServerOptions& options,
    Random& random) {
  auto stores = std::make_shared<TenantStores>();
  stores->engine = std::move(engine);
  ASSIGN_OR_RETURN(stores->log, EventLog::Open(*stores->engine, tenant,
                                               RandomId<EpochIdTag>(random), EventLogOptions()));
  RETURN_IF_ERROR(stores->log->Fence().status());
  StoreOptions views;
  views.role = "server-views";
  views.env = options.env;
  ASSIGN_OR_RETURN(stores->views, Store::Open(ServerViewsDir(options.dir, tenant), views));
  ASSIGN_OR_RETURN(stores->models, ReadModels::Open(*stores->views, options.projections));
  return stores;
}

}  // namespace intentlog
