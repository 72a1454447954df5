// intentlog device status --dir DIR
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/json.h"
#include "tools/commands/status_json.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

// Where the log went on under another name.
void PrintNames(const LogStatus& log) {
  for (size_t i = 1; i < log.names.size(); ++i) {
    const LogName& name = log.names[i];
    std::printf("log %s goes on from %s after %s of its records, since %s: %s\n",
                ToText(name.log_id).c_str(), ToText(log.names[i - 1].log_id).c_str(),
                Grouped(static_cast<int64_t>(name.after.Since(log.names[i - 1].after))).c_str(),
                TimeText(absl::ToUnixMicros(name.since)).c_str(), name.why.c_str());
  }
}

void Print(const ClientStatus& status) {
  const StateCounts& counts = status.counts;
  std::printf("device %s of tenant %s, log %s\n", status.device.c_str(), status.tenant.c_str(),
              ToText(status.log_id).c_str());
  for (const LogStatus& log : status.logs) PrintNames(log);
  std::printf("%s recorded: %s synced, %s pending, %s failed, %s conflicted\n",
              Grouped(counts.recorded).c_str(), Grouped(counts.synced).c_str(),
              Grouped(counts.pending).c_str(), Grouped(counts.failed).c_str(),
              Grouped(counts.conflicted).c_str());
  if (counts.parked > 0) {
    std::printf("with the server, but waiting behind another: %s of the pending ones\n",
                Grouped(counts.parked).c_str());
  }
  for (const ScopeStatus& scope : status.scopes) {
    std::printf("scope %s: has the feed through position %s\n", scope.scope.c_str(),
                Grouped(static_cast<int64_t>(scope.cursor.value())).c_str());
    if (scope.held_after > Position()) {
      std::printf("  its rows hold all of it; its events are kept from position %s on\n",
                  Grouped(static_cast<int64_t>(scope.held_after.value() + 1)).c_str());
    }
    if (scope.anew) std::printf("  it begins anew with the next sync: a view of it is new\n");
  }
  std::printf("the log holds %s bytes; its quota is %s\n",
              Grouped(static_cast<int64_t>(status.log_bytes)).c_str(),
              Grouped(static_cast<int64_t>(status.log_bytes_max)).c_str());
  if (counts.pending > 0) {
    std::printf("the oldest pending one is %s old; %s\n",
                AgeText(status.oldest_pending_age).c_str(), status.blocked_by.text.c_str());
  }
  if (counts.conflicted > 0) {
    std::printf("the conflicted ones wait for a decision: device conflicts shows them\n");
  }
  if (counts.failed > 0) {
    std::printf("the failed ones wait to be amended or dismissed: device show --state failed\n");
  }
  if (!status.last_error.empty()) std::printf("last error: %s\n", status.last_error.c_str());
}

absl::Status RunStatus(const DeviceArguments& options) {
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(options.folder));
  const ClientStatus status = device.client->Status();
  if (options.json) {
    PrintJson(StatusJson(status));
  } else {
    Print(status);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceStatus(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<DeviceArguments>();
  CLI::App& command =
      AddCommand(device, "status", "How much is recorded, synced, pending, and how far it is.");
  AddDeviceArguments(command, options.get());
  OnRun(command, exit_code, [options] { return RunStatus(*options); });
}

}  // namespace intentlog
