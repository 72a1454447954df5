// intentlog events stats --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/events.h"

namespace intentlog {
namespace {

void Print(const Json& stats, const std::string& indent) {
  for (const auto& [name, value] : stats.items()) {
    if (value.is_object()) {
      std::printf("%s%s\n", indent.c_str(), name.c_str());
      Print(value, indent + "  ");
    } else {
      const std::string text = value.is_string() ? value.get<std::string>() : ToText(value);
      std::printf("%s%-*s %s\n", indent.c_str(), static_cast<int>(28 - indent.size()), name.c_str(),
                  text.c_str());
    }
  }
}

absl::Status Stats(const EventsArguments& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenSource(options.source));
  ASSIGN_OR_RETURN(const Json stats, source->Stats());
  if (options.json) {
    PrintJson(stats);
  } else {
    Print(stats, "");
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterEventsStats(CLI::App& events, int* exit_code) {
  auto options = std::make_shared<EventsArguments>();
  CLI::App& command = AddCommand(events, "stats", "A log in figures.");
  AddSource(command, &options->source);
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Stats(*options); });
}

}  // namespace intentlog
