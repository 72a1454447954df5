// The intentlog command: one binary, a subcommand for each thing that people do. README.md in this
// folder has an example of each; commands/command.h says how a subcommand joins.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

#include "absl/synchronization/mutex.h"
#include "tools/bench/bench_command.h"
#include "tools/commands/backup.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/events.h"
#include "tools/commands/fleet.h"
#include "tools/commands/rules.h"
#include "tools/commands/serve.h"
#include "tools/commands/version.h"
#include "tools/commands/view.h"
#include "tools/demo_story/demo_command.h"
#include "tools/demo_story/demo_device_command.h"
#include "tools/import/import_command.h"

namespace intentlog {
namespace {

// In the order of --help.
constexpr Register kCommands[] = {
    RegisterDemo, RegisterServe, RegisterImport, RegisterDevice,  RegisterFleet, RegisterEvents,
    RegisterView, RegisterRules, RegisterBackup, RegisterRestore, RegisterBench, RegisterDemoDevice,
};

// Wrong usage in one line that says what to type.
std::string UsageMessage(const CLI::App* app, const CLI::Error& error) {
  const CLI::App* chosen = app;
  std::string path = app->get_name();
  while (!chosen->get_subcommands().empty()) {
    chosen = chosen->get_subcommands().front();
    path += " " + chosen->get_name();
  }
  std::string text = error.what();
  const auto extras = app->remaining(true);
  const auto known = chosen->get_subcommands([](const CLI::App*) { return true; });
  if (!known.empty() && (!extras.empty() || error.get_name() == "RequiredError")) {
    text = extras.empty() ? "a subcommand is missing" : "no subcommand \"" + extras.front() + "\"";
    text += "; there are:";
    for (const CLI::App* sub : known) text += " " + sub->get_name();
  }
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return path + ": " + text + " (" + path + " --help explains)\n";
}

int Main(int argc, char** argv) {
  // What gRPC would log, the commands say in words of their own.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  // Debian builds abseil with its search for deadlocks switched on; gRPC's every lock would pay.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("Intentlog: record offline, sync, and prove that both sides hold the same.",
               "intentlog");
  app.set_version_flag("--version", VersionText());
  app.set_help_flag("-h,--help", "print this help");
  app.require_subcommand(1);
  app.failure_message(UsageMessage);
  int exit_code = 0;
  for (const Register add : kCommands) add(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}

}  // namespace
}  // namespace intentlog

int main(int argc, char** argv) { return intentlog::Main(argc, argv); }
