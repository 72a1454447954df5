#include "tools/demo_story/demo_device_command.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "tools/commands/command.h"
#include "tools/demo_story/device_worker.h"

namespace intentlog {

void RegisterDemoDevice(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<DeviceWorkerOptions>();
  CLI::App& command = AddCommand(app, "demo-device", "One device of a demo's story.");
  command.group("");  // not shown: the demo starts it
  command.add_option("--dir", options->dir)->required();
  command.add_option("--index", options->index);
  command.add_option("--name", options->name);
  command.add_option("--push-frame-bytes", options->push_frame_bytes);
  OnRun(command, exit_code, [options] { return RunDeviceWorker(*options); });
}

}  // namespace intentlog
