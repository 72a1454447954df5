#include "tools/commands/open_device.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/offset_clock.h"
#include "eventlog/runtime/one_heap.h"
#include "tools/commands/folder.h"

namespace intentlog {
namespace {

absl::Status CheckKind(const DeviceFolderOptions& options, bool* fresh) {
  if (!options.create) return RequireFolder(options.dir, FolderKind::kDevice);
  ASSIGN_OR_RETURN(const FolderKind kind, KindOfFolder(options.dir));
  *fresh = kind == FolderKind::kAbsent;
  return *fresh ? absl::OkStatus() : RequireFolder(options.dir, FolderKind::kDevice);
}

}  // namespace

absl::StatusOr<OpenDevice> OpenDeviceFolder(const DeviceFolderOptions& options) {
  bool fresh = false;
  RETURN_IF_ERROR(CheckKind(options, &fresh));
  ASSIGN_OR_RETURN(Domain domain, LoadDomain(options.schema_file));
  OpenDevice device;
  device.random = MakeSystemRandom();
  device.executor = MakeThreadExecutor("device");
  ClientOptions client;
  client.dir = options.dir;
  client.tenant = options.tenant;
  client.device = options.device;
  if (fresh && !options.scope.empty()) {
    client.write_scope = options.scope;
    client.scopes = {options.scope};
    if (options.scope != "shared") client.scopes.push_back("shared");
  }
  client.all_scopes = fresh && options.all_scopes;
  if (!options.scopes.empty()) client.scopes = options.scopes;
  if (options.quota_bytes > 0) client.quota.bytes_max = options.quota_bytes;
  client.schema = std::move(domain.schema);
  client.projections = std::move(domain.projections);
  device.clock = std::make_unique<OffsetClock>(SystemClock(), options.clock_ahead);
  client.runtime = {device.clock.get(), device.executor.get(), device.random.get()};
  client.create_if_missing = options.create;
  client.policy = options.policy;
  UseOneHeap();
  absl::StatusOr<std::unique_ptr<Client>> opened = Client::Open(std::move(client));
  if (!opened.ok()) return ExplainDamage(opened.status(), FolderKind::kDevice, options.dir);
  device.client = *std::move(opened);
  return device;
}

}  // namespace intentlog
