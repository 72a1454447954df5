// intentlog view try NAME --from POSITION --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/fold_watch.h"
#include "tools/commands/table.h"
#include "tools/commands/view.h"
#include "tools/commands/view_trial.h"

namespace intentlog {
namespace {

constexpr size_t kRowColumns = 60;

struct Options : ViewArguments {
  uint64_t from = kNoPosition;
  uint64_t limit = 20;
};

Json DifferenceJson(const Projection& projection, const ViewTrial::Difference& one) {
  Json json = {{"key", one.key}, {"live", nullptr}, {"tried", nullptr}};
  if (one.live) json["live"] = RowText(&projection, true, *one.live);
  if (one.tried) json["tried"] = RowText(&projection, true, *one.tried);
  return json;
}

Json SideJson(const ViewTrial::Side& side) {
  return {{"rows", side.rows}, {"digest", Hex(side.digest.Bytes())}, {"alone", side.alone}};
}

void PrintTrial(const Projection& projection, const ViewTrial& trial) {
  if (trial.parked > 0) {
    std::printf("%s of the rows tried stand still: an event could not be folded into them\n",
                Cat(trial.parked).c_str());
  }
  if (trial.equal()) {
    std::printf("equal: %s rows through position %s, digest %s\n", Cat(trial.live.rows).c_str(),
                Cat(trial.through).c_str(), Hex(trial.live.digest.Bytes()).c_str());
    return;
  }
  std::printf(
      "different through position %s: of %s keys live and %s tried, %s are live alone, "
      "%s tried alone, %s have other values\n",
      Cat(trial.through).c_str(), Cat(trial.live.rows).c_str(), Cat(trial.tried.rows).c_str(),
      Cat(trial.live.alone).c_str(), Cat(trial.tried.alone).c_str(), Cat(trial.different).c_str());
  Table table({"key", "live", "tried"});
  for (const ViewTrial::Difference& one : trial.first) {
    table.Add(
        {Shorten(one.key, kRowColumns),
         Shorten(RowText(&projection, one.live.has_value(), one.live.value_or("")), kRowColumns),
         Shorten(RowText(&projection, one.tried.has_value(), one.tried.value_or("")),
                 kRowColumns)});
  }
  table.Print();
  const uint64_t more = trial.differences() - trial.first.size();
  if (more > 0) std::printf("and %s more: --limit shows them\n", Cat(more).c_str());
}

Json TrialJson(const std::string& view, const Projection& projection, const ViewTrial& trial) {
  Json first = Json::array();
  for (const auto& one : trial.first) first.push_back(DifferenceJson(projection, one));
  return {{"view", view},
          {"version", projection.info().version},
          {"from", trial.from.value()},
          {"began", trial.began.value()},
          {"through", trial.through.value()},
          {"equal", trial.equal()},
          {"live", SideJson(trial.live)},
          {"tried", SideJson(trial.tried)},
          {"parked", trial.parked},
          {"different", trial.different},
          {"differences", std::move(first)}};
}

absl::Status Try(const Options& options) {
  if (options.from == kNoPosition) return WrongUsage("say from which position: --from POSITION");
  SourceOptions place = options.source;
  place.confirmed = true;  // pending work is in no log yet
  FoldWatch watch;
  AsOfOptions fold;
  fold.progress = [&watch](Position through) { return watch.Update(through); };
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenSource(place));
  ASSIGN_OR_RETURN(const Projection* projection, source->FindView(options.name));
  ASSIGN_OR_RETURN(const ViewTrial trial,
                   TryView(*source, options.name, Position(options.from), options.limit, fold));
  RETURN_IF_ERROR(watch.Look());
  if (options.json) {
    PrintJson(TrialJson(options.name, *projection, trial));
  } else {
    PrintTrial(*projection, trial);
  }
  return trial.equal() ? absl::OkStatus() : ExplainedFailure();
}

}  // namespace

void RegisterViewTry(CLI::App& view, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      view, "try",
      "What a view would look like: this program's own projection folded over a copy, compared "
      "with the live rows. Exit code 1 if they differ.");
  AddText(command, "NAME", &options->name, "the view", kRequired);
  AddNumber(command, "--from", &options->from, 0, kPositionMost,
            "begins with the rows that were live at this position, where a snapshot has them; "
            "otherwise, as with 0, all is folded anew");
  AddNumber(command, "--limit", &options->limit, 0, 1'000'000,
            "differences shown; the rest is counted (default: 20)");
  AddSource(command, &options->source);
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Try(*options); });
}

}  // namespace intentlog
