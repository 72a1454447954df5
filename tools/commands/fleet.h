// intentlog fleet list|show|conflicts|resolve|why
//
// What an operator asks of a server about its devices, and decides for them. Each has a file of its
// own.
#pragma once

#include <string>

#include "tools/commands/fleet_door.h"

namespace CLI {
class App;
}

namespace intentlog {

void RegisterFleet(CLI::App& app, int* exit_code);

// ---- one for each subcommand; `fleet` is the parent
void RegisterFleetList(CLI::App& fleet, int* exit_code);
void RegisterFleetShow(CLI::App& fleet, int* exit_code);
void RegisterFleetConflicts(CLI::App& fleet, int* exit_code);
void RegisterFleetResolve(CLI::App& fleet, int* exit_code);
void RegisterFleetWhy(CLI::App& fleet, int* exit_code);
void RegisterFleetHeal(CLI::App& fleet, int* exit_code);

// What all of them take.
struct FleetArguments {
  FleetDoorOptions door;
  bool json = false;
};
// --dir, --server, --tenant, --schema, --json.
void AddFleetArguments(CLI::App& command, FleetArguments* arguments);

}  // namespace intentlog
