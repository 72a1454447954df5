// intentlog view watch NAME [--prefix P] [--only-changes] [--for DURATION] [--count N]
//                --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "proto/store.pb.h"
#include "tools/commands/command.h"
#include "tools/commands/view.h"
#include "tools/commands/view_tsv.h"

namespace intentlog {
namespace {

struct Options : ViewArguments {
  RowsWatched watched;
  absl::Duration duration = absl::ZeroDuration();  // zero: until something else ends it
  uint64_t count = 0;                              // zero: as many as come
};

void PrintLine(const std::string& line) { std::puts(line.c_str()); }

absl::Status PrintRow(const Options& options, const Projection& projection, uint64_t position,
                      const WatchedRow& changed) {
  if (changed.removed()) {
    const Json json{{"position", position}, {"key", changed.key()}, {"removed", true}};
    PrintLine(options.json ? ToText(json)
                           : Cat(position, "\t", ViewTsv::Cell(changed.key()), "\t(removed)"));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Row row, RowFromBytes(projection, changed.row()));
  if (options.json) {
    ASSIGN_OR_RETURN(Json json, RowJson(projection, changed.key(), row));
    json["position"] = position;
    PrintLine(ToText(json));
    return absl::OkStatus();
  }
  ViewTsv tsv(projection);
  RETURN_IF_ERROR(tsv.Add(changed.key(), row));
  PrintLine(Cat(position, "\t", std::string_view(tsv.line()).substr(0, tsv.line().size() - 1)));
  return absl::OkStatus();
}

absl::Status Watch(const Options& options) {
  RowsWatched wanted = options.watched;
  if (options.duration > absl::ZeroDuration()) wanted.duration = options.duration;
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenSource(options.source));
  ASSIGN_OR_RETURN(const Projection* projection, source->FindView(options.name));
  absl::Status printed;
  uint64_t rows = 0;
  const auto take = [&](const WatchChunk& chunk) {
    if (chunk.begins()) {
      const Json json{{"position", chunk.position()}, {"begins", true}};
      PrintLine(options.json ? ToText(json) : Cat(chunk.position(), "\t(begins)"));
    }
    for (const WatchedRow& row : chunk.rows()) {
      printed = PrintRow(options, *projection, chunk.position(), row);
      if (!printed.ok() || ++rows == options.count) return false;
    }
    std::fflush(stdout);
    return std::ferror(stdout) == 0;
  };
  const absl::Status watched = source->Watch(options.name, wanted, take);
  return printed.ok() ? watched : printed;
}

}  // namespace

void RegisterViewWatch(CLI::App& view, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(view, "watch",
                                 "Rows as they change: all that are there, then each that "
                                 "changes, with the position that it is of.");
  AddText(command, "NAME", &options->name, "the view", kRequired);
  AddSource(command, &options->source);
  AddJson(command, &options->json);
  AddText(command, "--prefix", &options->watched.prefix, "only rows whose key begins with this");
  AddFlag(command, "--only-changes", &options->watched.only_changes,
          "not the rows that are there at the beginning");
  AddDuration(command, "--for", &options->duration, "ends after this long (default: Ctrl-C)");
  AddNumber(command, "--count", &options->count, 1, kPositionMost, "ends after this many rows");
  OnRun(command, exit_code, [options] { return Watch(*options); });
}

}  // namespace intentlog
