// intentlog events read [--from N] [--limit N] [--full] --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/event_text.h"
#include "tools/commands/events.h"

namespace intentlog {
namespace {

constexpr size_t kLineColumns = 200;

// One document, written as it comes: a log may be larger than memory.
absl::Status ReadAsJson(const EventsArguments& options, Source& source) {
  std::fputs("{\"events\": [", stdout);
  bool first = true;
  const absl::Status read =
      source.ReadEvents({Position(options.from), options.limit, false}, [&](const EventRef& event) {
        const std::string text = ToText(EventJson(event, *source.domain().schema));
        std::printf("%s\n%s", first ? "" : ",", text.c_str());
        first = false;
        return true;
      });
  std::fputs("\n]}\n", stdout);
  return read;
}

absl::Status ReadEvents(const EventsArguments& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenSource(options.source));
  if (options.json) return ReadAsJson(options, *source);
  const size_t columns = options.full ? 0 : kLineColumns;
  return source->ReadEvents(
      {Position(options.from), options.limit, false}, [&](const EventRef& event) {
        std::puts(EventLine(event, *source->domain().schema, columns).c_str());
        return std::ferror(stdout) == 0;
      });
}

}  // namespace

void RegisterEventsRead(CLI::App& events, int* exit_code) {
  auto options = std::make_shared<EventsArguments>();
  CLI::App& command = AddCommand(
      events, "read",
      "Events in order: position, time, device log, count, decision, entity, type, payload.");
  AddSource(command, &options->source);
  AddNumber(command, "--from", &options->from, 0, UINT64_MAX, "first position (default: 1)");
  AddNumber(command, "--limit", &options->limit, 0, UINT64_MAX, "how many (default: all)");
  AddFlag(command, "--full", &options->full, "lines as long as they are");
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return ReadEvents(*options); });
}

}  // namespace intentlog
