// intentlog view list|get|dump|digest --dir DIR | --server HOST:PORT
//                rebuild|compare|activate|rollback|cancel NAME
//                parked list|show|retry|retry-all|skip
#pragma once

#include <string>

#include "tools/commands/source.h"

namespace CLI {
class App;
}

namespace intentlog {

void RegisterView(CLI::App& app, int* exit_code);

// ---- one for each subcommand; `view` is the parent
void RegisterViewList(CLI::App& view, int* exit_code);
void RegisterViewGet(CLI::App& view, int* exit_code);
void RegisterViewDump(CLI::App& view, int* exit_code);
void RegisterViewDigest(CLI::App& view, int* exit_code);
void RegisterViewRebuild(CLI::App& view, int* exit_code);
void RegisterViewCompare(CLI::App& view, int* exit_code);
void RegisterViewActivate(CLI::App& view, int* exit_code);
void RegisterViewRollback(CLI::App& view, int* exit_code);
void RegisterViewCancel(CLI::App& view, int* exit_code);
void RegisterViewParked(CLI::App& view, int* exit_code);

struct ViewArguments {
  SourceOptions source;
  std::string name;
  std::string key;
  bool tsv = false;
  bool json = false;
};

// --dir, --server, --tenant, --schema, --confirmed, --json.
void AddViewArguments(CLI::App& command, ViewArguments* arguments);
// A row as an object: its key, and its columns by name.
absl::StatusOr<Json> RowJson(const Projection& projection, std::string_view key, const Row& row);

}  // namespace intentlog
