#include "tools/commands/source.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/verify_rows.h"
#include "tools/commands/command.h"
#include "tools/commands/folder.h"

namespace intentlog {

void AddSource(CLI::App& command, SourceOptions* options) {
  AddText(command, "--dir", &options->dir,
          "a device's folder, or the data folder of a server that is not running");
  AddText(command, "--server", &options->server, "HOST:PORT of a running server");
  AddText(command, "--tenant", &options->tenant, "whose log, on a server (default: default)");
  AddSchema(command, &options->schema_file);
}

absl::StatusOr<const Projection*> Source::FindView(const std::string& view) const {
  std::string known;
  for (const auto& projection : domain_.projections) {
    const std::string name = projection->info().name;
    if (name == view) return projection.get();
    known += (known.empty() ? "" : ", ") + name;
  }
  return NotFound("there is no view \"", view, "\"; there are: ", known);
}

absl::Status AddRows(const FrozenRows& frozen, Verified& verified) {
  ASSIGN_OR_RETURN(const RowVerification rows, VerifyRows(frozen));
  verified.rows = rows.rows;
  verified.problems.insert(verified.problems.end(), rows.problems.begin(), rows.problems.end());
  return absl::OkStatus();
}

absl::Status Source::Watch(const std::string&, const RowsWatched&, const TakeChunk&) {
  return WrongUsage(
      "rows are watched with --server HOST:PORT: nothing changes in a folder at rest");
}

absl::StatusOr<std::unique_ptr<Source>> OpenSource(const SourceOptions& options) {
  if (options.dir.empty() == options.server.empty()) {
    return WrongUsage("say either --dir DIR or --server HOST:PORT");
  }
  if (!options.server.empty()) return OpenRunningServer(options);
  ASSIGN_OR_RETURN(const FolderKind kind, KindOfFolder(options.dir));
  switch (kind) {
    case FolderKind::kAbsent:
      return NotFound("there is nothing at ", options.dir,
                      ": name a device's folder or a server's data folder");
    case FolderKind::kServer:
      return OpenServerFolder(options);
    case FolderKind::kDevice:
      return OpenDeviceFolderSource(options);
  }
  return Invalid(options.dir, " is of no kind");
}

}  // namespace intentlog
