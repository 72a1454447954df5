// intentlog demo-device: the process of one device, started by `intentlog demo` and not shown in
// --help.
#pragma once

namespace CLI {
class App;
}

namespace intentlog {

void RegisterDemoDevice(CLI::App& app, int* exit_code);

}  // namespace intentlog
