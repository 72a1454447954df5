// intentlog demo [--story market-day] [--data FILE] [--devices N] [--seed S] [--dir DIR] [--keep]
// [--json]
#pragma once

namespace CLI {
class App;
}

namespace intentlog {

void RegisterDemo(CLI::App& app, int* exit_code);

}  // namespace intentlog
