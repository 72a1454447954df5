#include "tools/commands/fleet.h"

#include "tools/commands/command.h"
#include "tools/commands/domain.h"

namespace intentlog {

void AddFleetArguments(CLI::App& command, FleetArguments* arguments) {
  AddText(command, "--dir", &arguments->door.dir,
          "the data folder of a server that is not running");
  AddText(command, "--server", &arguments->door.server, "HOST:PORT of a running server");
  AddText(command, "--tenant", &arguments->door.tenant, "whose devices (default: default)");
  AddSchema(command, &arguments->door.schema_file);
  AddJson(command, &arguments->json);
}

void RegisterFleet(CLI::App& app, int* exit_code) {
  CLI::App& fleet =
      AddGroup(app, "fleet", "How a server's devices are doing, and what waits for a person.");
  for (const Register add : {RegisterFleetList, RegisterFleetShow, RegisterFleetConflicts,
                             RegisterFleetResolve, RegisterFleetWhy, RegisterFleetHeal}) {
    add(fleet, exit_code);
  }
}

}  // namespace intentlog
