// A CommandRunner runs this program's own commands as processes, one after another, as a person at
// a terminal would. Thread-compatible; on the main thread.
//
//   ASSIGN_OR_RETURN(Json shown, runner.RunJson({"device", "show", "--dir", dir}));
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace intentlog {

class CommandRunner {
 public:
  // What commands say on stderr goes to the end of `log_file`. `interrupted` is looked at before
  // each command.
  CommandRunner(std::string log_file, std::function<bool()> interrupted)
      : log_file_(std::move(log_file)), interrupted_(std::move(interrupted)) {}

  // What it says on stdout. ABORTED names the command if its exit code is not 0; CANCELLED.
  absl::StatusOr<std::string> Run(const std::vector<std::string>& arguments) const;
  // The same with --json.
  absl::StatusOr<nlohmann::ordered_json> RunJson(std::vector<std::string> arguments) const;

 private:
  const std::string log_file_;
  const std::function<bool()> interrupted_;
};

}  // namespace intentlog
