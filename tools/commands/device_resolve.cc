// intentlog device resolve --dir DIR POSITION apply|drop|replace [JSON] [--followers-too]
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/json.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"

namespace intentlog {
namespace {

struct Options : DeviceArguments {
  std::string position, verdict, replacement, intent_id;
  bool followers_too = false;
};

absl::StatusOr<Position> ParsePosition(const std::string& text) {
  uint64_t position = 0;
  if (!absl::SimpleAtoi(text, &position) || position == 0) {
    return WrongUsage("\"", text, "\" is no position; device conflicts lists them");
  }
  return Position(position);
}

absl::StatusOr<Verdict> ParseVerdict(const Options& options) {
  const bool replaces = options.verdict == "replace";
  if (!replaces && options.verdict != "apply" && options.verdict != "drop") {
    return WrongUsage("\"", options.verdict, "\" is no verdict; there are: apply, drop, replace");
  }
  if (replaces && options.replacement.empty()) {
    return WrongUsage("replace needs the JSON of what takes its place");
  }
  if (!replaces && !options.replacement.empty()) {
    return WrongUsage(options.verdict, " takes no JSON; replace does");
  }
  if (options.followers_too && options.verdict != "drop") {
    return WrongUsage("--followers-too goes with drop");
  }
  return replaces ? Verdict::kReplace
                  : (options.verdict == "drop" ? Verdict::kDrop : Verdict::kApply);
}

absl::Status RunResolve(const Options& options) {
  ASSIGN_OR_RETURN(const Position position, ParsePosition(options.position));
  ASSIGN_OR_RETURN(const Verdict verdict, ParseVerdict(options));
  DecideOptions decide;
  decide.followers_too = options.followers_too;
  if (!options.intent_id.empty()) {
    ASSIGN_OR_RETURN(decide.intent_id, ParseIntentId(options.intent_id));
  }
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(options.folder));
  std::unique_ptr<google::protobuf::Message> replacement;
  if (verdict == Verdict::kReplace) {
    ASSIGN_OR_RETURN(const Conflict conflict, device.client->ConflictAt(position));
    ASSIGN_OR_RETURN(replacement,
                     ReadPayloadOf(*device.client, conflict.mine.type, options.replacement));
    decide.replacement = replacement.get();
  }
  ASSIGN_OR_RETURN(const Appended done, device.client->Resolve(position, verdict, decide));
  PrintDecision(done, options.json);
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceResolve(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      device, "resolve",
      "Decide a conflict, offline too: let it take effect, drop it, or put something else in its "
      "place. The next sync brings the decision to the server.");
  AddDeviceArguments(command, options.get());
  AddText(command, "POSITION", &options->position, "of the conflict, as device conflicts lists it",
          kRequired);
  AddText(command, "VERDICT", &options->verdict, "apply, drop or replace", kRequired);
  AddText(command, "JSON", &options->replacement, "with replace: the payload that takes effect");
  AddFlag(command, "--followers-too", &options->followers_too,
          "with drop: what waits behind it goes too");
  AddText(command, "--intent-id", &options->intent_id,
          "makes a retry safe: the same id and decision are recorded once");
  OnRun(command, exit_code, [options] { return RunResolve(*options); });
}

}  // namespace intentlog
