#include "tools/demo_story/command_runner.h"

#include <memory>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/demo_story/child.h"

namespace intentlog {
namespace {

constexpr absl::Duration kCommandMax = absl::Seconds(60);
constexpr absl::Duration kTick = absl::Milliseconds(100);

std::string Line(const std::vector<std::string>& arguments) {
  std::string line = "intentlog";
  for (const std::string& argument : arguments) line += Cat(" ", argument);
  return line;
}

}  // namespace

absl::StatusOr<std::string> CommandRunner::Run(const std::vector<std::string>& arguments) const {
  if (interrupted_ && interrupted_()) return absl::CancelledError("interrupted");
  ASSIGN_OR_RETURN(const std::unique_ptr<Child> child, Child::Start(arguments, log_file_));
  std::vector<std::string> lines;
  while (child->ReadLines(lines)) WaitForChildren({child.get()}, kTick);
  if (!child->Stop(kCommandMax, /*signal=*/0)) {
    return absl::AbortedError(Cat(Line(arguments), " failed; see ", log_file_));
  }
  std::string text;
  for (const std::string& line : lines) text += Cat(line, "\n");
  return text;
}

absl::StatusOr<nlohmann::ordered_json> CommandRunner::RunJson(
    std::vector<std::string> arguments) const {
  arguments.push_back("--json");
  ASSIGN_OR_RETURN(const std::string text, Run(arguments));
  auto json = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) return json;
  return absl::AbortedError(Cat(Line(arguments), " gave no JSON object; see ", log_file_));
}

}  // namespace intentlog
