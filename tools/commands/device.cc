#include "tools/commands/device.h"

#include "tools/commands/command.h"

namespace intentlog {

void AddDeviceArguments(CLI::App& command, DeviceArguments* arguments) {
  AddText(command, "--dir", &arguments->folder.dir, "the device's folder", kRequired);
  AddSchema(command, &arguments->folder.schema_file);
  AddJson(command, &arguments->json);
}

void AddWhat(CLI::App& command, DeviceArguments* arguments, const std::string& help) {
  AddText(command, "WHAT", &arguments->what, help);
}

void RegisterDevice(CLI::App& app, int* exit_code) {
  CLI::App& device =
      AddGroup(app, "device", "Record on a device, sync it, and ask what became of it.");
  for (const Register add : {RegisterDeviceAppend, RegisterDeviceSync, RegisterDeviceStatus,
                             RegisterDeviceShow, RegisterDeviceWhy}) {
    add(device, exit_code);
  }
}

}  // namespace intentlog
