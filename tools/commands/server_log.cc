#include "tools/commands/server_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/options.h"
#include "tools/commands/folder.h"

namespace intentlog {

absl::StatusOr<ServerLogFolder> OpenServerLogFolder(const std::string& dir,
                                                    const std::string& tenant) {
  RETURN_IF_ERROR(RequireFolder(dir, FolderKind::kServer));
  ServerLogFolder folder;
  StoreOptions options;
  options.create_if_missing = false;
  auto engine = RocksdbEngine::Open(ServerLogDir(dir), options);
  if (!engine.ok()) return ExplainInUse(engine.status());
  folder.engine = *std::move(engine);
  ASSIGN_OR_RETURN(const std::vector<std::string> tenants, folder.engine->Tenants());
  if (std::find(tenants.begin(), tenants.end(), tenant) == tenants.end()) {
    std::string known;
    for (const std::string& name : tenants) known += Cat(known.empty() ? "" : ", ", name);
    return NotFound("there is no tenant \"", tenant, "\" in ", dir,
                    known.empty() ? "" : "; there are: ", known);
  }
  // It has an epoch already: none is made.
  ASSIGN_OR_RETURN(folder.log, EventLog::Open(*folder.engine, tenant, EpochId(), {}));
  return folder;
}

}  // namespace intentlog
