// intentlog device append|sync|status|show|conflicts|resolve|amend|dismiss|why|repair
//
// What a person at a device does: record, sync, ask what became of it, and decide what did not take
// effect. Each has a file of its own.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "google/protobuf/message.h"
#include "tools/commands/open_device.h"

namespace CLI {
class App;
}

namespace intentlog {

void RegisterDevice(CLI::App& app, int* exit_code);

// ---- one for each subcommand; `device` is the parent
void RegisterDeviceAppend(CLI::App& device, int* exit_code);
void RegisterDeviceSync(CLI::App& device, int* exit_code);
void RegisterDeviceStatus(CLI::App& device, int* exit_code);
void RegisterDeviceShow(CLI::App& device, int* exit_code);
void RegisterDeviceConflicts(CLI::App& device, int* exit_code);
void RegisterDeviceResolve(CLI::App& device, int* exit_code);
void RegisterDeviceAmend(CLI::App& device, int* exit_code);
void RegisterDeviceDismiss(CLI::App& device, int* exit_code);
void RegisterDeviceWhy(CLI::App& device, int* exit_code);
void RegisterDeviceRepair(CLI::App& device, int* exit_code);

// What most of them take.
struct DeviceArguments {
  DeviceFolderOptions folder;
  std::string what;  // ENTITY or INTENT_ID, where the subcommand takes one
  bool json = false;
};
// --dir, --schema, --json.
void AddDeviceArguments(CLI::App& command, DeviceArguments* arguments);
// The positional argument `what`.
void AddWhat(CLI::App& command, DeviceArguments* arguments, const std::string& help);

// A payload of `type` from JSON. NOT_FOUND if this schema has no such type.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> ReadPayloadOf(const Client& client,
                                                                         const std::string& type,
                                                                         const std::string& json);
// What Resolve, Amend or Dismiss recorded.
void PrintDecision(const Appended& done, bool json);

}  // namespace intentlog
