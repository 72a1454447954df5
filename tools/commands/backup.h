// intentlog backup --server HOST:PORT | --data DIR  --to DIR
// intentlog restore --from DIR --data DIR [--accept-loss]
#pragma once

namespace CLI {
class App;
}

namespace intentlog {

void RegisterBackup(CLI::App& app, int* exit_code);
void RegisterRestore(CLI::App& app, int* exit_code);

}  // namespace intentlog
