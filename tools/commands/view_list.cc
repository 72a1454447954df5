// intentlog view list --dir DIR | --server HOST:PORT
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/status_json.h"
#include "tools/commands/table.h"
#include "tools/commands/view.h"

namespace intentlog {
namespace {

// What can be rolled back to.
std::string BeforeText(const ViewSummary& view) {
  if (view.before_version != 0) {
    return Cat("version ", view.before_version, " until ", TimeText(view.before_until_us));
  }
  if (view.before_ended_us != 0) return Cat("gone since ", TimeText(view.before_ended_us));
  return "";
}

absl::Status List(const ViewArguments& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenSource(options.source));
  ASSIGN_OR_RETURN(const std::vector<ViewSummary> views, source->Views());
  Table table({"view", "version", "scopes", "rows", "parked", "position", "before"});
  Json list = Json::array();
  for (const ViewSummary& view : views) {
    uint64_t rows = 0;
    uint64_t parked = 0;
    Position position;
    for (const ScopeState& scope : view.scopes) {
      rows += scope.rows;
      parked += scope.parked;
      position = std::max(position, scope.position);
    }
    table.Add({view.name, std::to_string(view.version), std::to_string(view.scopes.size()),
               std::to_string(rows), std::to_string(parked), std::to_string(position.value()),
               BeforeText(view)});
    list.push_back({{"name", view.name},
                    {"version", view.version},
                    {"scopes", view.scopes.size()},
                    {"rows", rows},
                    {"parked", parked},
                    {"position", position.value()}});
    if (view.before_version != 0) {
      list.back()["before"] = {{"version", view.before_version},
                               {"until", TimeText(view.before_until_us)}};
    } else if (view.before_ended_us != 0) {
      list.back()["before"] = {{"ended", TimeText(view.before_ended_us)}};
    }
  }
  if (options.json) {
    PrintJson({{"views", std::move(list)}});
  } else {
    table.Print();
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterViewList(CLI::App& view, int* exit_code) {
  auto options = std::make_shared<ViewArguments>();
  CLI::App& command =
      AddCommand(view, "list", "The read models there are; rows are counted per scope.");
  AddViewArguments(command, options.get());
  OnRun(command, exit_code, [options] { return List(*options); });
}

}  // namespace intentlog
