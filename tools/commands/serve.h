// intentlog serve --data DIR [--listen HOST:PORT] [--schema FILE] [--backups off|required]
//                 [--heal-wait DURATION] [--insecure] [--json]
#pragma once

namespace CLI {
class App;
}

namespace intentlog {

void RegisterServe(CLI::App& app, int* exit_code);

}  // namespace intentlog
