#include "tools/commands/folder.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Whether a store is there, be it damaged: what is wrong is for the store to say.
bool HoldsStore(const fs::path& dir) {
  if (Exists(dir / "CURRENT")) return true;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    if (entry.path().filename().string().starts_with("MANIFEST-")) return true;
  }
  return false;
}

// Folders in `dir` that a command could be given.
std::vector<std::string> KnownInside(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    const fs::path& path = entry.path();
    if (HoldsStore(path / "log") || HoldsStore(path)) {
      names.push_back(path.filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view Words(FolderKind kind) {
  switch (kind) {
    case FolderKind::kAbsent:
      return "empty, or absent";
    case FolderKind::kServer:
      return "the data folder of a server";
    case FolderKind::kDevice:
      return "the folder of a device";
  }
  return "";
}

}  // namespace

absl::StatusOr<FolderKind> KindOfFolder(const std::string& dir) {
  std::error_code error;
  const fs::file_status status = fs::status(dir, error);
  if (status.type() == fs::file_type::not_found) return FolderKind::kAbsent;
  if (status.type() != fs::file_type::directory) {
    return FailedPrecondition(
        dir, error ? Cat(" cannot be read: ", error.message()) : std::string(" is no folder"));
  }
  if (HoldsStore(fs::path(dir) / "log")) return FolderKind::kServer;
  if (HoldsStore(dir)) return FolderKind::kDevice;
  const std::vector<std::string> inside = KnownInside(dir);
  if (!inside.empty()) {
    return FailedPrecondition(dir,
                              " holds several folders of Intentlog: name one of them, such as ",
                              dir, dir.back() == '/' ? "" : "/", inside.back());
  }
  if (fs::is_empty(dir, error) && !error) return FolderKind::kAbsent;
  return FailedPrecondition(
      dir, " is no folder of Intentlog: it holds neither a server's log/ nor ", "a device's store");
}

absl::Status RequireFolder(const std::string& dir, FolderKind kind) {
  ASSIGN_OR_RETURN(const FolderKind found, KindOfFolder(dir));
  if (found == kind) return absl::OkStatus();
  return FailedPrecondition(dir, " is ", Words(found), ", and ", Words(kind), " is wanted");
}

absl::Status ExplainDamage(const absl::Status& status, FolderKind kind, const std::string& dir) {
  if (!absl::IsDataLoss(status)) return status;
  if (kind == FolderKind::kDevice) {
    return StatusOf(status.code(), status, "; or go on with what can be read of it: intentlog ",
                    "device repair --dir ", dir);
  }
  return StatusOf(status.code(), status,
                  "; intentlog restore --from BACKUP --data NEW-FOLDER, and ",
                  "devices bring back what is newer");
}

absl::Status ExplainInUse(const absl::Status& status) {
  if (MessageOf(status).find("in use") == std::string_view::npos ||
      MessageOf(status).find("--server") != std::string_view::npos) {
    return status;
  }
  return StatusOf(status.code(), status, "; ask the running server with --server HOST:PORT");
}

}  // namespace intentlog
