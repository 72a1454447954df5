// A device's folder, opened for a command: the client and what it runs on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"
#include "tools/commands/domain.h"

namespace intentlog {

struct DeviceFolderOptions {
  std::string dir;
  std::string schema_file;
  // For a folder that is made; an existing one keeps its own.
  std::string tenant, device, scope;
  bool all_scopes = false;
  bool create = false;
  std::vector<std::string> scopes;  // subscribed to from now on; empty: as before
  uint64_t quota_bytes = 0;         // of its log; 0: the default
  SyncPolicy policy = EagerPolicy();
  absl::Duration clock_ahead;  // as if the device's clock were set wrong
};

// Closes when destroyed. Move-only.
struct OpenDevice {
  std::unique_ptr<Random> random;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<Clock> clock;
  std::unique_ptr<Client> client;  // last: goes first
};

// Errors as KindOfFolder and Client::Open.
absl::StatusOr<OpenDevice> OpenDeviceFolder(const DeviceFolderOptions& options);

}  // namespace intentlog
