// intentlog view scan NAME [--index I] [--prefix P | --from K --to K | --equal K] [--limit N]
//                [--after TOKEN] [--tsv] --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/table.h"
#include "tools/commands/view.h"
#include "tools/commands/view_tsv.h"

namespace intentlog {
namespace {

constexpr size_t kCellColumns = 60;
constexpr uint64_t kLimitMost = 10'000;

struct Options : ViewArguments {
  RowRange range;
  std::string equal;
  std::string after;
  uint64_t limit = 100;
};

absl::StatusOr<PageWanted> WantedOf(const Options& options) {
  PageWanted wanted;
  wanted.range = options.range;
  if (!options.equal.empty()) {
    const RowRange& range = options.range;
    if (!range.from.empty() || !range.to.empty() || !range.prefix.empty()) {
      return WrongUsage("--equal and --from, --to, --prefix exclude each other");
    }
    wanted.range.from = options.equal;
    wanted.range.to = options.equal + '\0';
  }
  if (!options.after.empty() && !absl::WebSafeBase64Unescape(options.after, &wanted.after)) {
    return WrongUsage("--after takes what an earlier scan printed, and \"", options.after,
                      "\" is not that");
  }
  wanted.rows_max = options.limit;
  return wanted;
}

std::string TokenText(const RowPage& page) { return absl::WebSafeBase64Escape(page.more); }

absl::Status PrintTsv(const Projection& projection, const RowPage& page) {
  ViewTsv tsv(projection);
  for (const MergedRow& row : page.rows) {
    RETURN_IF_ERROR(tsv.Add(row.key, row.row));
    std::fwrite(tsv.line().data(), 1, tsv.line().size(), stdout);
  }
  if (!page.more.empty()) std::fprintf(stderr, "more: --after %s\n", TokenText(page).c_str());
  return absl::OkStatus();
}

absl::Status PrintDocument(const Options& options, const Projection& projection,
                           const RowPage& page) {
  Json json;
  json["view"] = options.name;
  json["version"] = page.version;
  json["position"] = page.position.value();
  json["rows"] = Json::array();
  for (const MergedRow& row : page.rows) {
    ASSIGN_OR_RETURN(Json one, RowJson(projection, row.key, row.row));
    if (!options.range.index.empty()) one["index_key"] = row.index_key;
    json["rows"].push_back(std::move(one));
  }
  json["more"] = page.more.empty() ? Json() : Json(TokenText(page));
  PrintJson(json);
  return absl::OkStatus();
}

absl::Status PrintTable(const Options& options, const Projection& projection, const RowPage& page) {
  std::vector<std::string> heads;
  const bool indexed = !options.range.index.empty();
  if (indexed) heads.push_back(options.range.index);
  heads.push_back("key");
  for (const std::string& column : projection.Columns()) heads.push_back(column);
  Table table(std::move(heads));
  for (const MergedRow& row : page.rows) {
    std::vector<std::string> cells, line;
    RETURN_IF_ERROR(projection.Print(row.row, cells));
    if (indexed) line.push_back(Shorten(row.index_key, kCellColumns));
    line.push_back(Shorten(row.key, kCellColumns));
    for (const std::string& cell : cells) line.push_back(Shorten(cell, kCellColumns));
    table.Add(std::move(line));
  }
  table.Print();
  if (!page.more.empty()) std::printf("more: --after %s\n", TokenText(page).c_str());
  return absl::OkStatus();
}

absl::Status Scan(const Options& options) {
  if (options.tsv && options.json) return WrongUsage("--tsv and --json exclude each other");
  ASSIGN_OR_RETURN(const PageWanted wanted, WantedOf(options));
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenViewSource(options));
  ASSIGN_OR_RETURN(const Projection* projection, source->FindView(options.name));
  ASSIGN_OR_RETURN(const RowPage page, source->Page(options.name, wanted));
  if (options.tsv) return PrintTsv(*projection, page);
  if (options.json) return PrintDocument(options, *projection, page);
  return PrintTable(options, *projection, page);
}

}  // namespace

void RegisterViewScan(CLI::App& view, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      view, "scan", "Rows of a range, page by page, in the order of their keys or of an index.");
  AddText(command, "NAME", &options->name, "the view", kRequired);
  AddViewArguments(command, options.get());
  AddAsOf(command, options.get());
  AddText(command, "--index", &options->range.index,
          "by this index of the view; the keys below are its keys then");
  AddText(command, "--prefix", &options->range.prefix, "only keys that begin with this");
  AddText(command, "--from", &options->range.from, "the first key that is wanted");
  AddText(command, "--to", &options->range.to, "the first key that is not wanted any more");
  AddText(command, "--equal", &options->equal, "only this key");
  AddNumber(command, "--limit", &options->limit, 1, kLimitMost, "rows of a page (default: 100)");
  AddText(command, "--after", &options->after, "go on behind the page that printed this");
  AddFlag(command, "--tsv", &options->tsv, "key, tab, columns; what comes after, on stderr");
  OnRun(command, exit_code, [options] { return Scan(*options); });
}

}  // namespace intentlog
