#include "eventlog/store/lean_env.h"

#include <memory>
#include <string>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace intentlog {
namespace {

class LeanFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  LeanFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "LeanFileSystem"; }

  // A store that can not write its options says so in its own log, and goes on.
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (path.find("/OPTIONS-") != std::string::npos) {
      return rocksdb::IOStatus::NotSupported("options are not written here");
    }
    rocksdb::FileOptions lean = options;
    lean.allow_fallocate = false;
    return FileSystemWrapper::NewWritableFile(path, lean, result, debug);
  }
};

}  // namespace

rocksdb::Env* LeanEnv() {
  static rocksdb::Env* const env =
      rocksdb::NewCompositeEnv(std::make_shared<LeanFileSystem>()).release();
  return env;
}

}  // namespace intentlog
