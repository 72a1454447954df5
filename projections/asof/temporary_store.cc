#include "projections/asof/temporary_store.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

absl::StatusOr<std::unique_ptr<TemporaryStore>> TemporaryStore::Make(size_t write_buffer_bytes) {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::temp_directory_path(error);
  if (error) return Unavailable("there is no temporary folder: ", error.message());
  std::string dir = (root / "intentlog-asof-XXXXXX").string();
  if (mkdtemp(dir.data()) == nullptr) {
    return Unavailable("no folder can be made in ", root.string(), ": ",
                       std::string_view(std::strerror(errno)), "; name another one in TMPDIR");
  }
  std::unique_ptr<TemporaryStore> made(new TemporaryStore(dir));
  StoreOptions options;
  options.role = "temporary";
  options.write_buffer_bytes = write_buffer_bytes;
  ASSIGN_OR_RETURN(made->store_, Store::Open(dir, options));
  return made;
}

TemporaryStore::~TemporaryStore() {
  store_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

}  // namespace intentlog
