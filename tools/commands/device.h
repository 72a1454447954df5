// intentlog device append|sync|status|show|why
//
// What a person at a device does: record, sync, and ask what became of it. Each has a file of its
// own.
#pragma once

#include <string>

#include "absl/status/statusor.h"
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
void RegisterDeviceWhy(CLI::App& device, int* exit_code);

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

}  // namespace intentlog
