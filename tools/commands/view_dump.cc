// intentlog view dump NAME [--tsv] [--confirmed] --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/table.h"
#include "tools/commands/view.h"
#include "tools/commands/view_tsv.h"

namespace intentlog {
namespace {

constexpr size_t kCellColumns = 60;

absl::Status DumpTsv(Source& source, const Projection& projection, const std::string& name) {
  ViewTsv tsv(projection);
  const auto print = [&](std::string_view key, const Row& row) -> absl::Status {
    RETURN_IF_ERROR(tsv.Add(key, row));
    if (std::fwrite(tsv.line().data(), 1, tsv.line().size(), stdout) == tsv.line().size()) {
      return absl::OkStatus();
    }
    return Unavailable("standard output cannot be written");
  };
  return source.Dump(name, print).status();
}

// One document, written as it comes.
absl::Status DumpJson(Source& source, const Projection& projection, const std::string& name) {
  std::printf("{\"view\": %s, \"rows\": [", ToText(Json(name)).c_str());
  bool first = true;
  const auto print = [&](std::string_view key, const Row& row) -> absl::Status {
    ASSIGN_OR_RETURN(const Json json, RowJson(projection, key, row));
    std::printf("%s\n%s", first ? "" : ",", ToText(json).c_str());
    first = false;
    return absl::OkStatus();
  };
  const absl::Status dumped = source.Dump(name, print).status();
  std::fputs("\n]}\n", stdout);
  return dumped;
}

absl::Status DumpTable(Source& source, const Projection& projection, const std::string& name) {
  std::vector<std::string> heads = {"key"};
  for (const std::string& column : projection.Columns()) heads.push_back(column);
  Table table(std::move(heads));
  const auto add = [&](std::string_view key, const Row& row) -> absl::Status {
    std::vector<std::string> cells;
    RETURN_IF_ERROR(projection.Print(row, cells));
    std::vector<std::string> line = {Shorten(key, kCellColumns)};
    for (const std::string& cell : cells) line.push_back(Shorten(cell, kCellColumns));
    table.Add(std::move(line));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(source.Dump(name, add).status());
  table.Print();
  return absl::OkStatus();
}

absl::Status Dump(const ViewArguments& options) {
  if (options.tsv && options.json) return WrongUsage("--tsv and --json exclude each other");
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenViewSource(options));
  ASSIGN_OR_RETURN(const Projection* projection, source->FindView(options.name));
  if (options.tsv) return DumpTsv(*source, *projection, options.name);
  if (options.json) return DumpJson(*source, *projection, options.name);
  return DumpTable(*source, *projection, options.name);
}

}  // namespace

void RegisterViewDump(CLI::App& view, int* exit_code) {
  auto options = std::make_shared<ViewArguments>();
  CLI::App& command =
      AddCommand(view, "dump", "All rows, merged over scopes, in ascending byte order of keys.");
  AddText(command, "NAME", &options->name, "the view", kRequired);
  AddViewArguments(command, options.get());
  AddAsOf(command, options.get());
  AddFlag(command, "--tsv", &options->tsv, "key, tab, columns: for sha256sum and other programs");
  OnRun(command, exit_code, [options] { return Dump(*options); });
}

}  // namespace intentlog
