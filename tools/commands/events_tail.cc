// intentlog events tail [--limit N] [--follow] --dir DIR | --server HOST:PORT
#include <cstdio>
#include <deque>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/event_text.h"
#include "tools/commands/events.h"

namespace intentlog {
namespace {

constexpr size_t kLineColumns = 200;

struct Options : EventsArguments {
  bool follow = false;
};

absl::StatusOr<Position> Head(Source& source) {
  ASSIGN_OR_RETURN(const Json stats, source.Stats());
  const char* name = stats.contains("head") ? "head" : "server_head";
  return Position(stats.value(name, uint64_t{0}));
}

std::string Text(const EventRef& event, const Options& options, const Schema& schema) {
  return options.json ? ToText(EventJson(event, schema))
                      : EventLine(event, schema, options.full ? 0 : kLineColumns);
}

// A server: reading begins where the last events are, and goes on.
absl::Status TailServer(const Options& options, Source& source) {
  ASSIGN_OR_RETURN(const Position head, Head(source));
  const uint64_t from = head.value() > options.limit ? head.value() - options.limit + 1 : 1;
  return source.ReadEvents({Position(from), options.follow ? 0 : options.limit, options.follow},
                           [&](const EventRef& event) {
                             std::puts(Text(event, options, *source.domain().schema).c_str());
                             std::fflush(stdout);
                             return std::ferror(stdout) == 0;
                           });
}

// A folder: a device's positions have holes, so the last ones are found by reading.
absl::Status TailFolder(const Options& options, Source& source) {
  std::deque<std::string> last;
  RETURN_IF_ERROR(source.ReadEvents({}, [&](const EventRef& event) {
    last.push_back(Text(event, options, *source.domain().schema));
    if (last.size() > options.limit) last.pop_front();
    return true;
  }));
  for (const std::string& line : last) std::puts(line.c_str());
  return absl::OkStatus();
}

absl::Status Tail(const Options& options) {
  if (options.follow && options.source.server.empty()) {
    return WrongUsage("--follow needs --server HOST:PORT: nothing is added to a folder at rest");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenSource(options.source));
  return options.source.server.empty() ? TailFolder(options, *source)
                                       : TailServer(options, *source);
}

}  // namespace

void RegisterEventsTail(CLI::App& events, int* exit_code) {
  auto options = std::make_shared<Options>();
  options->limit = 10;
  CLI::App& command = AddCommand(events, "tail", "The last events; with --follow, new ones too.");
  AddSource(command, &options->source);
  AddNumber(command, "--limit", &options->limit, 1, 100000, "how many (default: 10)");
  AddFlag(command, "--follow", &options->follow, "go on with what comes, until Ctrl-C");
  AddFlag(command, "--full", &options->full, "lines as long as they are");
  AddFlag(command, "--json", &options->json, "one JSON document for each event, a line each");
  OnRun(command, exit_code, [options] { return Tail(*options); });
}

}  // namespace intentlog
