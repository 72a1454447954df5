// intentlog fleet resolve POSITION apply|drop|replace [JSON]
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/json.h"
#include "tools/commands/command.h"
#include "tools/commands/fleet.h"
#include "tools/commands/fleet_text.h"
#include "tools/commands/json.h"
#include "tools/commands/stats_json.h"

namespace intentlog {
namespace {

struct Options : FleetArguments {
  uint64_t position = 0;
  std::string verdict;
  std::string replacement;  // JSON
  std::string type;
  bool followers_too = false;
  uint64_t as_of = 0;
};

absl::Status CheckUsage(const Options& options) {
  if (options.position == 0 || options.verdict.empty()) {
    return WrongUsage("say which and how: fleet resolve POSITION apply|drop|replace [JSON]");
  }
  const bool replaces = options.verdict == "replace";
  if (replaces && options.replacement.empty()) {
    return WrongUsage("replace needs the payload that takes effect, as JSON");
  }
  if (!replaces && !options.replacement.empty()) {
    return WrongUsage(options.verdict, " takes no payload; say replace to give one");
  }
  if (options.followers_too && options.verdict != "drop") {
    return WrongUsage("--followers-too goes with drop only");
  }
  return absl::OkStatus();
}

struct Replacement {
  std::string type;
  std::string payload;
  uint32_t version = 0;  // of the type
};

absl::StatusOr<Replacement> ReadReplacement(const Options& options, FleetDoor& door,
                                            const OpenEvent& open) {
  Intent mine;
  if (!mine.ParseFromString(open.intent())) {
    return DataLoss("the intent at position ", open.position(), " does not parse");
  }
  ASSIGN_OR_RETURN(const auto schema, door.LoadSchema());
  const std::string& name = options.type.empty() ? mine.type() : options.type;
  const EventType* const type = schema->Find(name);
  if (type == nullptr) {
    return NotFound("the server's schema has no type ", name, "; --schema FILE names another one");
  }
  ASSIGN_OR_RETURN(const auto payload, PayloadFromJson(*type, options.replacement));
  if (const auto violation = type->Validate(*payload)) {
    return Invalid(violation->field, ": ", violation->text);
  }
  return Replacement{type->name(), payload->SerializeAsString(), type->schema_version()};
}

// What closes a conflict, and what closes a rejected one, are different words on the wire.
absl::StatusOr<SettleRequest> RequestFor(const Options& options, FleetDoor& door,
                                         const OpenEvent& open) {
  SettleRequest request;
  Replacement replacement;
  if (options.verdict == "replace") {
    ASSIGN_OR_RETURN(replacement, ReadReplacement(options, door, open));
  }
  if (open.decision() == REJECTED) {
    if (options.verdict == "apply") {
      return FailedPrecondition("position ", open.position(),
                                " is rejected: ", open.reason().text(), "; replace it or drop it");
    }
    if (options.verdict == "drop") {
      request.mutable_dismiss()->set_of(open.position());
      request.mutable_dismiss()->set_followers_too(options.followers_too);
      return request;
    }
    Amend& amend = *request.mutable_amend();
    amend.set_of(open.position());
    amend.set_replacement_type(replacement.type);
    amend.set_replacement(replacement.payload);
    amend.set_replacement_version(replacement.version);
    return request;
  }
  Resolve& resolve = *request.mutable_resolve();
  resolve.set_of(open.position());
  resolve.set_followers_too(options.followers_too);
  resolve.set_replacement_type(replacement.type);
  resolve.set_replacement(replacement.payload);
  resolve.set_replacement_version(replacement.version);
  resolve.set_verdict(options.verdict == "apply"  ? Resolve::APPLY
                      : options.verdict == "drop" ? Resolve::DROP
                                                  : Resolve::REPLACE);
  return request;
}

absl::Status RunResolve(const Options& options) {
  RETURN_IF_ERROR(CheckUsage(options));
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  ListConflictsRequest look;
  look.set_position(options.position);
  ASSIGN_OR_RETURN(const ListConflictsReply found, door->ListConflicts(look));
  if (found.conflicts().empty()) return NotFound("position ", options.position, " is not open");
  ASSIGN_OR_RETURN(SettleRequest request, RequestFor(options, *door, found.conflicts(0).open()));
  request.set_seen(options.as_of == 0 ? found.as_of() : options.as_of);
  ASSIGN_OR_RETURN(const SettleReply reply, door->Settle(request));
  if (options.json) PrintJson(SettleJson(reply));
  if (reply.decision() == REJECTED) {
    const std::string why =
        Cat("position ", options.position, " stays open: ", reply.reason().text());
    if (options.json) return ExplainedFailure();
    return FailedPrecondition(why);
  }
  if (!options.json) {
    std::printf("position %s is closed by position %s\n", std::to_string(options.position).c_str(),
                std::to_string(reply.position()).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterFleetResolve(CLI::App& fleet, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(fleet, "resolve", "Close what fleet conflicts shows, in the operator's name.");
  AddNumber(command, "POSITION", &options->position, 1, UINT64_MAX, "as fleet conflicts shows it");
  AddChoice(command, "VERDICT", &options->verdict, {"apply", "drop", "replace"},
            "apply: mine holds; drop: it never takes effect; replace: this takes effect");
  AddText(command, "JSON", &options->replacement, "the payload, with replace");
  AddFleetArguments(command, options.get());
  AddText(command, "--type", &options->type, "of the replacement (default: that of mine)");
  AddFlag(command, "--followers-too", &options->followers_too,
          "with drop: what waits behind it goes too");
  AddNumber(command, "--as-of", &options->as_of, 1, UINT64_MAX,
            "refuse if something that clashes came after this position (default: now)");
  OnRun(command, exit_code, [options] { return RunResolve(*options); });
}

}  // namespace intentlog
