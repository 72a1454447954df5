// intentlog import FILE --devices N --dir DIR [--currency GBP] [--json]
#pragma once

namespace CLI {
class App;
}

namespace intentlog {

void RegisterImport(CLI::App& app, int* exit_code);

}  // namespace intentlog
