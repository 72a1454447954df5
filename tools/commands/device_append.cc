// intentlog device append --dir DIR [--tenant T] [--device NAME] [--scope S] [--schema FILE] TYPE
// JSON
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/json.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/json.h"

namespace intentlog {
namespace {

struct Options : DeviceArguments {
  std::string type, payload, intent_id;
  uint64_t priority = 0;
};

using Payloads = std::vector<std::unique_ptr<google::protobuf::Message>>;

absl::StatusOr<const EventType*> FindType(const Schema& schema, const std::string& name) {
  const EventType* type = schema.Find(name);
  if (type != nullptr) return type;
  std::string known;
  for (const auto& [other, unused] : schema.types()) {
    known += (known.empty() ? "" : ", ") + other.substr(other.rfind('.') + 1);
  }
  return NotFound("there is no event type \"", name, "\"; there are: ", known);
}

// One payload, or with "-" one for each line of standard input.
absl::StatusOr<Payloads> ReadPayloads(const EventType& type, const Options& options) {
  Payloads payloads;
  if (options.payload != "-") {
    ASSIGN_OR_RETURN(auto payload, PayloadFromJson(type, options.payload));
    payloads.push_back(std::move(payload));
    return payloads;
  }
  std::string line;
  for (uint64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto payload = PayloadFromJson(type, line);
    if (!payload.ok()) return Invalid("standard input, line ", number, ": ", payload.status());
    payloads.push_back(std::move(*payload));
  }
  if (payloads.empty()) return Invalid("standard input holds no line with a payload");
  return payloads;
}

absl::StatusOr<std::vector<Appended>> AppendPayloads(Client& client, const Payloads& payloads,
                                                     const AppendOptions& append) {
  if (payloads.size() == 1) {
    ASSIGN_OR_RETURN(const Appended done, client.Append(*payloads.front(), append));
    return std::vector<Appended>{done};
  }
  std::vector<NewIntent> intents(payloads.size());
  for (size_t i = 0; i < payloads.size(); ++i) intents[i].event = payloads[i].get();
  return client.AppendAll(intents, append);
}

void Print(const std::vector<Appended>& done, bool json) {
  Json intents = Json::array();
  for (const Appended& one : done) {
    const std::string id = ToText(one.intent_id);
    if (!json) {
      std::printf("%s  count %s%s\n", id.c_str(), std::to_string(one.count.value()).c_str(),
                  one.repeated ? "  (recorded before)" : "");
    }
    intents.push_back({{"intent_id", id},
                       {"count", one.count.value()},
                       {"class", one.priority},
                       {"repeated", one.repeated}});
  }
  if (!json) return;
  Json document = intents.front();
  document["intents"] = std::move(intents);
  PrintJson(document);
}

absl::Status RunAppend(const Options& options) {
  AppendOptions append;
  append.scope = options.folder.scope;
  if (!options.intent_id.empty()) {
    ASSIGN_OR_RETURN(append.intent_id, ParseIntentId(options.intent_id));
  }
  // What is wrong with the payload is said before a folder is made.
  ASSIGN_OR_RETURN(const Domain domain, LoadDomain(options.folder.schema_file));
  ASSIGN_OR_RETURN(const EventType* known, FindType(*domain.schema, options.type));
  RETURN_IF_ERROR(options.payload == "-" ? absl::OkStatus()
                                         : PayloadFromJson(*known, options.payload).status());
  DeviceFolderOptions folder = options.folder;
  folder.policy.class_of[known->entity_type()] = static_cast<PriorityClass>(options.priority);
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(folder));
  const std::shared_ptr<const Schema> schema = device.client->schema();
  ASSIGN_OR_RETURN(const EventType* type, FindType(*schema, options.type));
  ASSIGN_OR_RETURN(const Payloads payloads, ReadPayloads(*type, options));
  ASSIGN_OR_RETURN(const auto done, AppendPayloads(*device.client, payloads, append));
  Print(done, options.json);
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceAppend(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<Options>();
  options->folder.create = true;
  CLI::App& command =
      AddCommand(device, "append",
                 "Record what a user did, durably and offline. Makes the folder on first use.");
  AddDeviceArguments(command, options.get());
  AddText(command, "TYPE", &options->type, "event type; its package may be left out", kRequired);
  AddText(command, "JSON", &options->payload,
          "the payload; \"-\": one for each line of standard input, as one batch", kRequired);
  AddText(command, "--tenant", &options->folder.tenant, "for a new folder (default: default)");
  AddText(command, "--device", &options->folder.device,
          "for a new folder: the device's name (default: the host's)");
  AddText(command, "--scope", &options->folder.scope,
          "where it belongs, and what a new folder subscribes to (default: shared)");
  AddFlag(command, "--all-scopes", &options->folder.all_scopes,
          "for a new folder: subscribe to every scope (head office)");
  AddText(command, "--intent-id", &options->intent_id,
          "makes a retry safe: the same id and payload are recorded once");
  AddNumber(command, "--class", &options->priority, 0, kClasses - 1,
            "priority class of the entity type, if it is the first of it here (default: 0)");
  OnRun(command, exit_code, [options] { return RunAppend(*options); });
}

}  // namespace intentlog
