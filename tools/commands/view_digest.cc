// intentlog view digest [NAME] --dir DIR | --server HOST:PORT
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

struct Digested {
  ViewSummary view;
  uint64_t rows = 0;  // merged
  std::string sha256;
};

absl::StatusOr<Digested> DigestOf(Source& source, ViewSummary view) {
  ASSIGN_OR_RETURN(const Projection* projection, source.FindView(view.name));
  ViewTsv tsv(*projection);
  const auto take = [&](std::string_view key, const Row& row) { return tsv.Add(key, row); };
  RETURN_IF_ERROR(source.Dump(view.name, take).status());
  return Digested{std::move(view), tsv.rows(), tsv.Sha256()};
}

Json DigestJson(const Digested& digested) {
  Json scopes = Json::array();
  for (const ScopeState& scope : digested.view.scopes) {
    scopes.push_back({{"scope", scope.scope},
                      {"position", scope.position.value()},
                      {"rows", scope.rows},
                      {"digest", Hex(scope.digest.Bytes())}});
  }
  return {{"name", digested.view.name},
          {"version", digested.view.version},
          {"keys", digested.rows},
          {"sha256", digested.sha256},
          {"scopes", std::move(scopes)}};
}

void Print(const std::vector<Digested>& all) {
  Table table({"view", "scope", "position", "rows", "digest"});
  for (const Digested& one : all) {
    for (const ScopeState& scope : one.view.scopes) {
      table.Add({one.view.name, scope.scope, std::to_string(scope.position.value()),
                 std::to_string(scope.rows), Hex(scope.digest.Bytes())});
    }
    table.Add({one.view.name, "(merged)", "", std::to_string(one.rows), "sha256 " + one.sha256});
  }
  table.Print();
}

absl::Status DigestViews(const ViewArguments& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source, OpenViewSource(options));
  if (!options.name.empty()) RETURN_IF_ERROR(source->FindView(options.name).status());
  ASSIGN_OR_RETURN(std::vector<ViewSummary> views, source->Views());
  std::vector<Digested> all;
  Json list = Json::array();
  for (ViewSummary& view : views) {
    if (!options.name.empty() && view.name != options.name) continue;
    ASSIGN_OR_RETURN(Digested digested, DigestOf(*source, std::move(view)));
    list.push_back(DigestJson(digested));
    all.push_back(std::move(digested));
  }
  if (options.json) {
    PrintJson({{"views", std::move(list)}});
  } else {
    Print(all);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterViewDigest(CLI::App& view, int* exit_code) {
  auto options = std::make_shared<ViewArguments>();
  CLI::App& command =
      AddCommand(view, "digest",
                 "Digests per scope with their positions, and the SHA-256 of the merged dump.");
  AddText(command, "NAME", &options->name, "one view alone");
  AddViewArguments(command, options.get());
  AddAsOf(command, options.get());
  OnRun(command, exit_code, [options] { return DigestViews(*options); });
}

}  // namespace intentlog
