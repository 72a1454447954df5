#include "tools/commands/command.h"

#include <CLI/CLI.hpp>
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

CLI::App& AddCommand(CLI::App& parent, const std::string& name, const std::string& help) {
  return *parent.add_subcommand(name, help);
}

CLI::App& AddGroup(CLI::App& parent, const std::string& name, const std::string& help) {
  CLI::App& group = AddCommand(parent, name, help);
  group.require_subcommand(1);
  return group;
}

void AddText(CLI::App& command, const std::string& name, std::string* value,
             const std::string& help, Need need) {
  command.add_option(name, *value, help)->required(need == kRequired);
}

void AddTexts(CLI::App& command, const std::string& name, std::vector<std::string>* values,
              const std::string& help) {
  command.add_option(name, *values, help)->allow_extra_args(false);
}

void AddNumber(CLI::App& command, const std::string& name, uint64_t* value, uint64_t least,
               uint64_t most, const std::string& help) {
  command.add_option(name, *value, help)->check(CLI::Range(least, most))->type_name("N");
}

void AddDuration(CLI::App& command, const std::string& name, absl::Duration* value,
                 const std::string& help) {
  command
      .add_option_function<std::string>(
          name, [value](const std::string& text) { absl::ParseDuration(text, value); }, help)
      ->check([](const std::string& text) -> std::string {
        absl::Duration parsed;
        if (absl::ParseDuration(text, &parsed) && parsed >= absl::ZeroDuration()) return "";
        return Cat("\"", text, "\" is no duration, such as 90s, 5m or 1h30m");
      })
      ->type_name("DURATION");
}

void AddChoice(CLI::App& command, const std::string& name, std::string* value,
               const std::vector<std::string>& choices, const std::string& help) {
  command.add_option(name, *value, help)->check(CLI::IsMember(choices));
}

void AddFlag(CLI::App& command, const std::string& name, bool* value, const std::string& help) {
  command.add_flag(name, *value, help);
}

void AddJson(CLI::App& command, bool* json) {
  AddFlag(command, "--json", json, "one JSON document on stdout, for programs");
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
