#include "tools/commands/view.h"

#include <vector>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"

namespace intentlog {
namespace {

// A whole number as a number, anything else as text.
Json CellJson(const std::string& cell) {
  const size_t sign = !cell.empty() && cell.front() == '-' ? 1 : 0;
  const std::string digits = cell.substr(sign);
  const bool whole = !digits.empty() && digits.size() <= 18 &&
                     digits.find_first_not_of("0123456789") == std::string::npos &&
                     (digits == "0" || digits.front() != '0');
  return whole ? Json(std::stoll(cell)) : Json(cell);
}

}  // namespace

void AddViewArguments(CLI::App& command, ViewArguments* arguments) {
  AddSource(command, &arguments->source);
  AddFlag(command, "--confirmed", &arguments->source.confirmed,
          "a device's rows without its pending work");
  AddJson(command, &arguments->json);
}

absl::StatusOr<Json> RowJson(const Projection& projection, std::string_view key, const Row& row) {
  std::vector<std::string> cells;
  RETURN_IF_ERROR(projection.Print(row, cells));
  const std::vector<std::string> names = projection.Columns();
  Json json;
  json["key"] = std::string(key);
  for (size_t i = 0; i < cells.size() && i < names.size(); ++i) json[names[i]] = CellJson(cells[i]);
  return json;
}

void RegisterView(CLI::App& app, int* exit_code) {
  CLI::App& view =
      AddGroup(app, "view",
               "Read models: what is there, rows, dumps, digests; rebuilt beside the live ones.");
  for (const Register add :
       {RegisterViewList, RegisterViewGet, RegisterViewDump, RegisterViewDigest,
        RegisterViewRebuild, RegisterViewCompare, RegisterViewActivate, RegisterViewRollback,
        RegisterViewCancel, RegisterViewParked}) {
    add(view, exit_code);
  }
}

}  // namespace intentlog
