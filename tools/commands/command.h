// How a subcommand joins the intentlog command. Each lies in a folder or file of its own and
// provides one function of type Register; tools/main.cc lists them.
//
//   void RegisterCount(CLI::App& app, int* exit_code) {
//     auto options = std::make_shared<CountOptions>();
//     CLI::App* command = app.add_subcommand("count", "Count the lines of a file.");
//     command->add_option("FILE", options->file, "what to count")->required();
//     AddJson(*command, &options->json);
//     OnRun(*command, exit_code, [options] { return Count(*options); });
//   }
//
// Exit codes: 0 success, 1 failure with one clear line on stderr, 2 wrong usage. With --json stdout
// carries one document and nothing else; progress and log lines go to stderr.
//
// Used on the main thread.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

// Adds a subcommand to `app`; when it is run, it sets `*exit_code`. Both outlive the run.
using Register = void (*)(CLI::App& app, int* exit_code);

// Adds --json, the same in every subcommand.
void AddJson(CLI::App& command, bool* json);

// Runs `run` when `command` was chosen on the command line. A Status that is not OK becomes
// "intentlog NAME: message" on stderr and exit code 1, or 2 if WrongUsage made it.
void OnRun(CLI::App& command, int* exit_code, std::function<absl::Status()> run);

// What OnRun does with the result of a run. Returns the exit code.
int Finish(const CLI::App& command, const absl::Status& status);

namespace command_internal {
absl::Status MarkUsage(absl::Status status);
}

// The options do not go together, or an argument is none: exit code 2.
template <class... Parts>
absl::Status WrongUsage(const Parts&... parts) {
  return command_internal::MarkUsage(Invalid(parts...));
}

// A failure that was already explained on stdout or stderr (a report that says "not equal"): exit
// code 1 without a further line.
absl::Status ExplainedFailure();

}  // namespace intentlog
