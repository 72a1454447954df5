#include "tools/commands/command.h"

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/cord.h"

namespace intentlog {
namespace {

constexpr char kUsage[] = "intentlog/wrong-usage";
constexpr char kExplained[] = "intentlog/explained";

// "view dump" of `intentlog view dump`.
std::string FullName(const CLI::App& command) {
  std::string name = command.get_name();
  for (const CLI::App* parent = command.get_parent(); parent != nullptr;
       parent = parent->get_parent()) {
    if (!parent->get_name().empty()) name = parent->get_name() + " " + name;
  }
  return name;
}

// One line, whatever the message holds.
std::string OneLine(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return line;
}

}  // namespace

namespace command_internal {
absl::Status MarkUsage(absl::Status status) {
  status.SetPayload(kUsage, absl::Cord());
  return status;
}
}  // namespace command_internal

absl::Status ExplainedFailure() {
  absl::Status status(absl::StatusCode::kUnknown, "explained above");
  status.SetPayload(kExplained, absl::Cord());
  return status;
}

void AddJson(CLI::App& command, bool* json) {
  command.add_flag("--json", *json, "one JSON document on stdout, for programs");
}

int Finish(const CLI::App& command, const absl::Status& status) {
  std::fflush(stdout);
  if (status.ok()) return 0;
  if (status.GetPayload(kExplained).has_value()) return 1;
  std::string message = OneLine(MessageOf(status));
  if (message.empty()) message = absl::StatusCodeToString(status.code());
  std::fprintf(stderr, "%s: %s\n", FullName(command).c_str(), message.c_str());
  return status.GetPayload(kUsage).has_value() ? 2 : 1;
}

void OnRun(CLI::App& command, int* exit_code, std::function<absl::Status()> run) {
  command.callback(
      [&command, exit_code, run = std::move(run)] { *exit_code = Finish(command, run()); });
}

}  // namespace intentlog
