// intentlog device why --dir DIR [ENTITY|INTENT_ID]
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/json.h"
#include "tools/commands/status_json.h"

namespace intentlog {
namespace {

absl::StatusOr<BlockedBy> Ask(const Client& client, const std::string& what) {
  if (what.empty()) return client.Status().blocked_by;
  if (what.find('/') != std::string::npos) {
    ASSIGN_OR_RETURN(const Entity entity, ParseEntity(what));
    return client.Why(entity);
  }
  ASSIGN_OR_RETURN(const IntentId id, ParseIntentId(what));
  return client.Why(id);
}

void Print(const BlockedBy& blocked) {
  std::printf("%s\n", blocked.text.c_str());
  std::printf("%s for %s", std::string(BlockedWord(blocked.kind)).c_str(),
              AgeText(blocked.age).c_str());
  if (blocked.until != absl::InfiniteFuture()) {
    std::printf(", until %s", TimeText(absl::ToUnixMicros(blocked.until)).c_str());
  }
  // Of an intent that the server has, attempts are those that it was in: they did not fail.
  if (blocked.attempts > 0 && !blocked.last_error.empty()) {
    std::printf(", after %s failed %s; last error: %s", std::to_string(blocked.attempts).c_str(),
                blocked.attempts == 1 ? "attempt" : "attempts", blocked.last_error.c_str());
  }
  std::printf("\n");
}

absl::Status RunWhy(const DeviceArguments& options) {
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(options.folder));
  ASSIGN_OR_RETURN(const BlockedBy blocked, Ask(*device.client, options.what));
  if (options.json) {
    PrintJson(BlockedJson(blocked));
    return absl::OkStatus();
  }
  if (blocked.kind == BlockedBy::kNothing) {
    std::printf("%s\n", blocked.text.empty() ? "nothing is waiting" : blocked.text.c_str());
    return absl::OkStatus();
  }
  Print(blocked);
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceWhy(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<DeviceArguments>();
  CLI::App& command =
      AddCommand(device, "why",
                 "Why something is not synced yet: the whole device, an entity, or one intent.");
  AddDeviceArguments(command, options.get());
  AddWhat(command, options.get(), "such as order/581482, or the id that append printed");
  OnRun(command, exit_code, [options] { return RunWhy(*options); });
}

}  // namespace intentlog
