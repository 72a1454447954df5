// intentlog device show --dir DIR [ENTITY|INTENT_ID]
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/intent_json.h"
#include "tools/commands/json.h"
#include "tools/commands/stats_json.h"
#include "tools/commands/status_json.h"
#include "tools/commands/table.h"

namespace intentlog {
namespace {

// Intents are read in steps of this many.
constexpr size_t kStep = 500;
constexpr size_t kPayloadColumns = 70;
constexpr size_t kNoteColumns = 70;

struct Options : DeviceArguments {
  uint64_t limit = 20;
  std::string state;
};

using Intents = std::vector<Client::RecordedIntent>;

// The last `limit` of these, in the order in which they were recorded, in whatever log.
void KeepLast(uint64_t limit, Intents& intents) {
  std::stable_sort(intents.begin(), intents.end(),
                   [](const auto& a, const auto& b) { return a.intent.hlc() < b.intent.hlc(); });
  if (intents.size() <= limit) return;
  intents.erase(intents.begin(), intents.end() - static_cast<ptrdiff_t>(limit));
}

// The last `limit` of those that `wanted` wants.
template <class Wanted>
absl::StatusOr<Intents> Select(const Client& client, uint64_t limit, Wanted wanted) {
  Intents found;
  for (LogPlace from;;) {
    ASSIGN_OR_RETURN(Intents step, client.List(from, kStep));
    if (step.empty()) break;
    from = step.back().next();
    for (Client::RecordedIntent& intent : step) {
      if (wanted(intent)) found.push_back(std::move(intent));
    }
    if (found.size() / 2 > limit) KeepLast(limit, found);
  }
  KeepLast(limit, found);
  return found;
}

// Those of one entity, all of them.
absl::StatusOr<Intents> OfEntity(const Client& client, const Entity& entity) {
  return Select(client, UINT64_MAX, [&](const Client::RecordedIntent& intent) {
    return intent.intent.entity_id() == entity.id && intent.intent.entity_type() == entity.type;
  });
}

absl::StatusOr<Intents> InState(const Client& client, const std::string& state, uint64_t limit) {
  return Select(client, limit, [&](const Client::RecordedIntent& intent) {
    return StateWord(intent.state) == state;
  });
}

// The last ones of all logs, in the order in which they were recorded.
absl::StatusOr<Intents> Last(const Client& client, uint64_t limit) {
  Intents last;
  for (const LogStatus& log : client.Status().logs) {
    const uint64_t recorded = log.counts.recorded;
    const Count from(recorded > limit ? recorded - limit + 1 : 1);
    ASSIGN_OR_RETURN(const Intents of_log,
                     client.List({log.priority, from}, std::min(limit, recorded)));
    last.insert(last.end(), of_log.begin(), of_log.end());
  }
  KeepLast(limit, last);
  return last;
}

void PrintTable(const Intents& intents, const Schema& schema) {
  Table table({"count", "recorded", "state", "position", "entity", "type", "payload", "note"});
  for (const Client::RecordedIntent& one : intents) {
    const std::string& type = one.intent.type();
    table.Add({std::to_string(one.count.value()), TimeText(one.intent.device_time_us()),
               StateWord(one.state),
               one.position.value() == 0 ? "-" : std::to_string(one.position.value()),
               Cat(one.intent.entity_type(), "/", one.intent.entity_id()),
               type.substr(type.rfind('.') + 1),
               Shorten(ToText(IntentPayloadJson(one.intent, schema)), kPayloadColumns),
               Shorten(NoteOf(one), kNoteColumns)});
  }
  table.Print();
}

void PrintOne(const Client::RecordedIntent& intent, const Schema& schema) {
  const Json json = IntentJson(intent, schema);
  for (const auto& [name, value] : json.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : ToText(value);
    std::printf("%-12s %s\n", name.c_str(), text.c_str());
  }
}

Json ListJson(const Intents& intents, const Schema& schema) {
  Json list = Json::array();
  for (const Client::RecordedIntent& one : intents) list.push_back(IntentJson(one, schema));
  return list;
}

absl::Status ShowEntity(const Client& client, const Options& options) {
  ASSIGN_OR_RETURN(const Entity entity, ParseEntity(options.what));
  ASSIGN_OR_RETURN(const RecordState state, client.StateOf(entity));
  ASSIGN_OR_RETURN(const Intents intents, OfEntity(client, entity));
  if (options.json) {
    PrintJson({{"entity", options.what},
               {"state", StateWord(state)},
               {"intents", ListJson(intents, *client.schema())}});
    return absl::OkStatus();
  }
  std::printf("%s is %s\n", options.what.c_str(), StateWord(state).c_str());
  PrintTable(intents, *client.schema());
  return absl::OkStatus();
}

absl::Status ShowIntent(const Client& client, const Options& options) {
  ASSIGN_OR_RETURN(const IntentId id, ParseIntentId(options.what));
  ASSIGN_OR_RETURN(const Client::RecordedIntent intent, client.Find(id));
  if (options.json) {
    PrintJson(IntentJson(intent, *client.schema()));
  } else {
    PrintOne(intent, *client.schema());
  }
  return absl::OkStatus();
}

absl::Status ShowLast(const Client& client, const Options& options) {
  ASSIGN_OR_RETURN(const Intents intents, options.state.empty()
                                              ? Last(client, options.limit)
                                              : InState(client, options.state, options.limit));
  if (options.json) {
    PrintJson({{"intents", ListJson(intents, *client.schema())}});
  } else {
    PrintTable(intents, *client.schema());
  }
  return absl::OkStatus();
}

absl::Status RunShow(const Options& options) {
  if (!options.what.empty() && !options.state.empty()) {
    return WrongUsage("--state goes without an entity or an intent");
  }
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(options.folder));
  if (options.what.empty()) return ShowLast(*device.client, options);
  if (options.what.find('/') != std::string::npos) return ShowEntity(*device.client, options);
  return ShowIntent(*device.client, options);
}

}  // namespace

void RegisterDeviceShow(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(device, "show",
                 "What this device recorded: the last ones, those of an entity, or one intent.");
  AddDeviceArguments(command, options.get());
  AddWhat(command, options.get(), "such as order/581482, or the id that append printed");
  AddChoice(command, "--state", &options->state, {"synced", "pending", "failed", "conflicted"},
            "of the whole device: only those in this state");
  AddNumber(command, "--limit", &options->limit, 1, 1000000,
            "how many of the last ones (default: 20)");
  OnRun(command, exit_code, [options] { return RunShow(*options); });
}

}  // namespace intentlog
