// What kind of folder a path names. Looks at names of files alone; opens nothing.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog {

enum class FolderKind {
  kAbsent,  // nothing there, or an empty folder: one can be made
  kServer,  // a server's data
  kDevice,  // a device's
};

// FAILED_PRECONDITION: there is something else; says what, and which folder to name instead.
absl::StatusOr<FolderKind> KindOfFolder(const std::string& dir);

// OK if `dir` is of that kind; otherwise says what it is and what was wanted.
absl::Status RequireFolder(const std::string& dir, FolderKind kind);

// Adds to DATA_LOSS of a folder of that kind which command mends it.
absl::Status ExplainDamage(const absl::Status& status, FolderKind kind, const std::string& dir);

// Adds to "in use" what to do about it.
absl::Status ExplainInUse(const absl::Status& status);

}  // namespace intentlog
