// intentlog events read|tail|stats|verify --dir DIR | --server HOST:PORT
#pragma once

#include "tools/commands/source.h"

namespace CLI {
class App;
}

namespace intentlog {

void RegisterEvents(CLI::App& app, int* exit_code);

// ---- one for each subcommand; `events` is the parent
void RegisterEventsRead(CLI::App& events, int* exit_code);
void RegisterEventsTail(CLI::App& events, int* exit_code);
void RegisterEventsStats(CLI::App& events, int* exit_code);
void RegisterEventsVerify(CLI::App& events, int* exit_code);

struct EventsArguments {
  SourceOptions source;
  uint64_t from = 1;
  uint64_t limit = 0;
  bool full = false;
  bool json = false;
};

}  // namespace intentlog
