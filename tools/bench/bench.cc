#include "tools/bench/bench.h"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog::bench {

absl::StatusOr<std::string> BenchContext::Fresh(std::string_view name) const {
  const std::string path = Cat(dir_, "/", name);
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return Unavailable("cannot clear ", path, ": ", error.message());
  return path;
}

absl::StatusOr<std::string> BenchContext::Once(std::string_view name, const Make& make) {
  if (made_.contains(std::string(name))) return Cat(dir_, "/", name);
  ASSIGN_OR_RETURN(std::string path, Fresh(name));
  RETURN_IF_ERROR(make(path));
  made_.insert(std::string(name));
  return path;
}

void BenchContext::Say(std::string_view line) const {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace intentlog::bench
