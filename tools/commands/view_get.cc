// intentlog view get NAME KEY --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/view.h"

namespace intentlog {
namespace {

absl::Status GetOne(const ViewArguments& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenViewSource(options));
  ASSIGN_OR_RETURN(const Projection* projection, source->FindView(options.name));
  ASSIGN_OR_RETURN(const std::optional<Row> row, source->Get(options.name, options.key));
  if (!row.has_value() || !row->exists()) {
    return NotFound("view ", options.name, " has no row \"", options.key, "\"");
  }
  ASSIGN_OR_RETURN(const Json json, RowJson(*projection, options.key, *row));
  if (options.json) {
    PrintJson(json);
    return absl::OkStatus();
  }
  for (const auto& [name, value] : json.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : ToText(value);
    std::printf("%-16s %s\n", name.c_str(), text.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterViewGet(CLI::App& view, int* exit_code) {
  auto options = std::make_shared<ViewArguments>();
  CLI::App& command = AddCommand(view, "get", "One row.");
  AddText(command, "NAME", &options->name, "the view", kRequired);
  AddText(command, "KEY", &options->key, "the row's key; may be empty", kRequired);
  AddViewArguments(command, options.get());
  AddAsOf(command, options.get());
  OnRun(command, exit_code, [options] { return GetOne(*options); });
}

}  // namespace intentlog
