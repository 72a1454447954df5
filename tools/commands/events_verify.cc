// intentlog events verify --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/events.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

void Print(const Verified& verified) {
  for (const std::string& problem : verified.problems) {
    std::printf("%s %s\n", Paint("PROBLEM", Colour::kRed).c_str(), problem.c_str());
  }
  std::printf("%s: %s events in %s blocks through position %s",
              verified.problems.empty() ? Paint("all is well", Colour::kGreen).c_str()
                                        : "not as it was written",
              Grouped(static_cast<int64_t>(verified.events)).c_str(),
              Grouped(static_cast<int64_t>(verified.blocks)).c_str(),
              Grouped(static_cast<int64_t>(verified.head.value())).c_str());
  if (verified.intents > 0) {
    std::printf(", %s intents of its own", Grouped(static_cast<int64_t>(verified.intents)).c_str());
  }
  if (verified.rows > 0) {
    std::printf(", %s rows of read models", Grouped(static_cast<int64_t>(verified.rows)).c_str());
  }
  std::printf("\n");
}

absl::Status Verify(const EventsArguments& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenSource(options.source));
  ASSIGN_OR_RETURN(const Verified verified, source->Verify());
  if (options.json) {
    PrintJson({{"ok", verified.problems.empty()},
               {"head", verified.head.value()},
               {"events", verified.events},
               {"blocks", verified.blocks},
               {"intents", verified.intents},
               {"rows", verified.rows},
               {"problems", verified.problems}});
  } else {
    Print(verified);
  }
  if (verified.problems.empty()) return absl::OkStatus();
  return DataLoss(verified.problems.size(), " problems, the first: ", verified.problems.front());
}

}  // namespace

void RegisterEventsVerify(CLI::App& events, int* exit_code) {
  auto options = std::make_shared<EventsArguments>();
  CLI::App& command = AddCommand(events, "verify",
                                 "Check that every event is there, in order and as it was written, "
                                 "and rows as they were folded.");
  AddSource(command, &options->source);
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Verify(*options); });
}

}  // namespace intentlog
