#include "tools/commands/events.h"

#include "tools/commands/command.h"

namespace intentlog {

void RegisterEvents(CLI::App& app, int* exit_code) {
  CLI::App& events = AddGroup(app, "events", "Read a log, event by event, and verify it.");
  for (const Register add :
       {RegisterEventsRead, RegisterEventsTail, RegisterEventsStats, RegisterEventsVerify}) {
    add(events, exit_code);
  }
}

}  // namespace intentlog
