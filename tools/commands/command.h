// How a subcommand joins the intentlog command. Each lies in a folder or file of its own and
// provides one function of type Register; tools/main.cc lists them.
//
//   void RegisterCount(CLI::App& app, int* exit_code) {
//     auto options = std::make_shared<CountOptions>();
//     CLI::App& command = AddCommand(app, "count", "Count the lines of a file.");
//     AddText(command, "FILE", &options->file, "what to count", kRequired);
//     AddJson(command, &options->json);
//     OnRun(command, exit_code, [options] { return Count(*options); });
//   }
//
// The parser's own header takes a second and a half of every file that includes it, ten times that
// optimized: the functions below are enough for most subcommands, and compile at once.
//
// Exit codes: 0 success, 1 failure with one clear line on stderr, 2 wrong usage. With --json stdout
// carries one document and nothing else; progress and log lines go to stderr.
//
// Used on the main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eventlog/runtime/text.h"

namespace CLI {
class App;
}

namespace intentlog {

// Adds a subcommand to `app`; when it is run, it sets `*exit_code`. Both outlive the run.
using Register = void (*)(CLI::App& app, int* exit_code);

// A subcommand; and one that has subcommands of its own, of which one must be given.
CLI::App& AddCommand(CLI::App& parent, const std::string& name, const std::string& help);
CLI::App& AddGroup(CLI::App& parent, const std::string& name, const std::string& help);

// ---- what a subcommand takes. A name that begins with "--" is an option, any other a positional
// argument. `value` is written before the run, if the argument is there, and outlives it.
enum Need : bool { kOptional, kRequired };
void AddText(CLI::App& command, const std::string& name, std::string* value,
             const std::string& help, Need need = kOptional);
// May be given several times.
void AddTexts(CLI::App& command, const std::string& name, std::vector<std::string>* values,
              const std::string& help);
void AddNumber(CLI::App& command, const std::string& name, uint64_t* value, uint64_t least,
               uint64_t most, const std::string& help);
// "90s", "5m", "1h30m".
void AddDuration(CLI::App& command, const std::string& name, absl::Duration* value,
                 const std::string& help);
void AddChoice(CLI::App& command, const std::string& name, std::string* value,
               const std::vector<std::string>& choices, const std::string& help);
void AddFlag(CLI::App& command, const std::string& name, bool* value, const std::string& help);
// --json, the same in every subcommand.
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
