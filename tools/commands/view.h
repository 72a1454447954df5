// intentlog view list|get|scan|dump|digest [--at POSITION | --at-time T] --dir DIR | --server
// HOST:PORT
//                watch NAME --server HOST:PORT
//                rebuild|compare|activate|rollback|cancel NAME · try NAME --from POSITION
//                parked list|show|retry|retry-all|skip · snapshots list|take|verify
#pragma once

#include <cstdint>
#include <memory>
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
void RegisterViewScan(CLI::App& view, int* exit_code);
void RegisterViewWatch(CLI::App& view, int* exit_code);
void RegisterViewDump(CLI::App& view, int* exit_code);
void RegisterViewDigest(CLI::App& view, int* exit_code);
void RegisterViewRebuild(CLI::App& view, int* exit_code);
void RegisterViewCompare(CLI::App& view, int* exit_code);
void RegisterViewActivate(CLI::App& view, int* exit_code);
void RegisterViewRollback(CLI::App& view, int* exit_code);
void RegisterViewCancel(CLI::App& view, int* exit_code);
void RegisterViewParked(CLI::App& view, int* exit_code);
void RegisterViewTry(CLI::App& view, int* exit_code);
void RegisterViewSnapshots(CLI::App& view, int* exit_code);

// A position that was not given; and the greatest that can be.
inline constexpr uint64_t kNoPosition = UINT64_MAX;
inline constexpr uint64_t kPositionMost = INT64_MAX;

struct ViewArguments {
  SourceOptions source;
  std::string name;
  std::string key;
  uint64_t at = kNoPosition;
  std::string at_time;
  bool tsv = false;
  bool json = false;
};

// --dir, --server, --tenant, --schema, --confirmed, --json.
void AddViewArguments(CLI::App& command, ViewArguments* arguments);
// --at and --at-time.
void AddAsOf(CLI::App& command, ViewArguments* arguments);
// The place, its views as of that position or moment if one was given: then of NAME alone, if that
// was. Call it on the main thread, before any other thread begins.
absl::StatusOr<std::unique_ptr<Source>> OpenViewSource(const ViewArguments& arguments);
// A row's bytes as text: in hexadecimal if there is no projection, or "(no row)".
std::string RowText(const Projection* projection, bool has, const std::string& bytes);
// A row as an object: its key, and its columns by name.
absl::StatusOr<Json> RowJson(const Projection& projection, std::string_view key, const Row& row);

}  // namespace intentlog
