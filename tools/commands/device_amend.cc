// intentlog device amend --dir DIR INTENT_ID JSON
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"

namespace intentlog {
namespace {

struct Options : DeviceArguments {
  std::string payload, intent_id;
};

absl::Status RunAmend(const Options& options) {
  ASSIGN_OR_RETURN(const IntentId id, ParseIntentId(options.what));
  DecideOptions decide;
  if (!options.intent_id.empty()) {
    ASSIGN_OR_RETURN(decide.intent_id, ParseIntentId(options.intent_id));
  }
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(options.folder));
  ASSIGN_OR_RETURN(const Client::RecordedIntent recorded, device.client->Find(id));
  if (recorded.is_control) {
    return FailedPrecondition("intent ", ToText(id), " is a decision, not a record");
  }
  ASSIGN_OR_RETURN(const auto payload,
                   ReadPayloadOf(*device.client, recorded.intent.type(), options.payload));
  ASSIGN_OR_RETURN(const Appended done, device.client->Amend(id, *payload, decide));
  PrintDecision(done, options.json);
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceAmend(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      device, "amend",
      "Correct what the server rejected, offline too: the new payload takes its place. The next "
      "sync brings it to the server.");
  AddDeviceArguments(command, options.get());
  AddText(command, "INTENT_ID", &options->what, "of the failed one, as device show prints it",
          kRequired);
  AddText(command, "JSON", &options->payload, "the whole payload, corrected", kRequired);
  AddText(command, "--intent-id", &options->intent_id,
          "makes a retry safe: the same id and payload are recorded once");
  OnRun(command, exit_code, [options] { return RunAmend(*options); });
}

}  // namespace intentlog
