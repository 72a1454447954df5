#include "tools/commands/view.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "tools/commands/command.h"
#include "tools/commands/fold_watch.h"
#include "tools/commands/source_as_of.h"

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

void AddAsOf(CLI::App& command, ViewArguments* arguments) {
  AddNumber(command, "--at", &arguments->at, 0, kPositionMost,
            "the view as it was at this position of the log; of a device, without pending work");
  AddText(command, "--at-time", &arguments->at_time,
          "the view as it was at this moment of the server's clock: RFC 3339, such as "
          "2026-03-01T10:00:00Z, or milliseconds since 1970");
}

absl::StatusOr<std::unique_ptr<Source>> OpenViewSource(const ViewArguments& arguments) {
  const bool by_time = !arguments.at_time.empty();
  const bool by_position = arguments.at != kNoPosition;
  if (by_time && by_position) return WrongUsage("--at and --at-time exclude each other");
  if (!by_time && !by_position) return OpenSource(arguments.source);
  int64_t time_us = 0;
  if (by_time) {
    ASSIGN_OR_RETURN(time_us, ParseMoment(arguments.at_time));
  }
  auto watch = std::make_unique<FoldWatch>();
  ASSIGN_OR_RETURN(std::unique_ptr<Source> source, OpenSource(arguments.source));
  Position at(arguments.at);
  if (by_time) {
    ASSIGN_OR_RETURN(at, PositionAt(*source, time_us));
    std::fprintf(stderr, "as of position %s\n", Cat(at).c_str());
  }
  RETURN_IF_ERROR(CheckAt(*source, at));
  return OpenSourceAsOf(std::move(source), at, arguments.name, std::move(watch));
}

std::string RowText(const Projection* projection, bool has, const std::string& bytes) {
  if (!has) return "(no row)";
  if (projection == nullptr) return Hex(bytes);
  const absl::StatusOr<Row> row = RowFromBytes(*projection, bytes);
  return row.ok() ? row->message()->ShortDebugString() : Cat(row.status());
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
  CLI::App& view = AddGroup(app, "view",
                            "Read models: what is there, rows, dumps, digests, also as of any "
                            "time; rebuilt beside the live ones.");
  for (const Register add :
       {RegisterViewList, RegisterViewGet, RegisterViewScan, RegisterViewWatch, RegisterViewDump,
        RegisterViewDigest, RegisterViewRebuild, RegisterViewCompare, RegisterViewActivate,
        RegisterViewRollback, RegisterViewCancel, RegisterViewParked, RegisterViewTry,
        RegisterViewSnapshots}) {
    add(view, exit_code);
  }
}

}  // namespace intentlog
