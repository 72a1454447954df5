// intentlog fleet heal --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>

#include "client/wire/admin_client.h"
#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/fleet.h"
#include "tools/commands/json.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

struct Options {
  std::string server;
  std::string tenant = "default";
  bool json = false;
};

void Print(const Healing& before) {
  const auto number = [](uint64_t n) { return Grouped(static_cast<int64_t>(n)); };
  if (before.ends_us() == 0) {
    std::printf("nothing waits: %s lost events have come back in this run of the server\n",
                number(before.returned()).c_str());
    return;
  }
  std::printf(
      "%s lost events have come back; %s events waited for position %s of %s and go on now\n",
      number(before.returned()).c_str(), number(before.waiting()).c_str(),
      number(before.next()).c_str(), number(before.through()).c_str());
}

absl::Status Heal(const Options& options) {
  const AdminClient client({options.server});
  GoOnHealingRequest request;
  request.set_tenant(options.tenant);
  ASSIGN_OR_RETURN(const GoOnHealingReply reply, client.GoOnHealing(request));
  const Healing& before = reply.healing();
  if (!options.json) {
    Print(before);
    return absl::OkStatus();
  }
  PrintJson({{"was_waiting", before.ends_us() != 0},
             {"returned", before.returned()},
             {"waiting", before.waiting()},
             {"next_lost_position", before.next()},
             {"last_lost_position", before.through()}});
  return absl::OkStatus();
}

}  // namespace

void RegisterFleetHeal(CLI::App& fleet, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      fleet, "heal", "After a restore: wait no longer for what no device has brought back.");
  AddText(command, "--server", &options->server, "HOST:PORT of the running server", kRequired);
  AddText(command, "--tenant", &options->tenant, "whose log (default: default)");
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Heal(*options); });
}

}  // namespace intentlog
