// intentlog device dismiss --dir DIR INTENT_ID [--followers-too]
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"

namespace intentlog {
namespace {

struct Options : DeviceArguments {
  std::string intent_id;
  bool followers_too = false;
};

absl::Status RunDismiss(const Options& options) {
  ASSIGN_OR_RETURN(const IntentId id, ParseIntentId(options.what));
  DecideOptions decide;
  decide.followers_too = options.followers_too;
  if (!options.intent_id.empty()) {
    ASSIGN_OR_RETURN(decide.intent_id, ParseIntentId(options.intent_id));
  }
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(options.folder));
  ASSIGN_OR_RETURN(const Appended done, device.client->Dismiss(id, decide));
  PrintDecision(done, options.json);
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceDismiss(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      device, "dismiss",
      "Give up what the server rejected, offline too: nothing takes its place, and nobody is asked "
      "about it any more.");
  AddDeviceArguments(command, options.get());
  AddText(command, "INTENT_ID", &options->what, "of the failed one, as device show prints it",
          kRequired);
  AddFlag(command, "--followers-too", &options->followers_too, "what waits behind it goes too");
  AddText(command, "--intent-id", &options->intent_id,
          "makes a retry safe: the same id is recorded once");
  OnRun(command, exit_code, [options] { return RunDismiss(*options); });
}

}  // namespace intentlog
