// A full disk, foreseen: how much is free, how much a commit or an opening takes, and opening for
// reading where that is too much.
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/rocks_rep.h"
#include "rocksdb/file_system.h"

namespace intentlog {
namespace {

// What an opening writes by itself: all that only write-ahead logs hold, as tables.
uint64_t OpeningBytes(rocksdb::Env* env, const std::string& dir) {
  std::vector<rocksdb::Env::FileAttributes> files;
  if (!env->GetChildrenFileAttributes(dir, &files).ok()) return 0;
  uint64_t sum = 0;
  for (const rocksdb::Env::FileAttributes& file : files) {
    if (file.name.ends_with(".log")) sum += file.size_bytes;
  }
  return sum;
}

}  // namespace

absl::Status CheckFree(rocksdb::Env* env, const std::string& at, std::string_view dir,
                       uint64_t needed) {
  uint64_t free = 0;
  const rocksdb::IOStatus status =
      env->GetFileSystem()->GetFreeSpace(at, rocksdb::IOOptions(), &free, nullptr);
  if (!status.ok() || free >= needed) return absl::OkStatus();
  return NoRoom(dir, free, needed);
}

absl::Status Store::Rep::Rocks::CheckRoom(uint64_t bytes, uint64_t spare) const {
  // To the write-ahead log now, and with all that is unflushed to tables later.
  return CheckFree(env, dir, dir,
                   free_bytes_min + spare + 2 * bytes + write_buffers->memory_usage());
}

absl::Status Store::Rep::Rocks::CheckReopen() const {
  return CheckFree(env, dir, dir, 2 * free_bytes_min + OpeningBytes(env, dir));
}

absl::Status Store::Rep::Rocks::OpenForReading(const StoreOptions& options) {
  rocksdb::FileLock* held = nullptr;  // RocksDB does not lock for readers
  const rocksdb::Status status = env->LockFile(dir + "/LOCK", &held);
  if (!status.ok()) return ToStatus(status, dir);
  lock = std::make_unique<FolderLock>(env, held);
  return OpenDatabase(options);
}

absl::Status Store::Rep::Rocks::OpenForWriting(const StoreOptions& options) {
  absl::Status status = CheckFree(env, dir, dir, options.free_bytes_min + OpeningBytes(env, dir));
  if (status.ok()) status = OpenDatabase(options);
  if (!absl::IsResourceExhausted(status)) return status;
  Fail(status).IgnoreError();
  return OpenForReading(options);
}

}  // namespace intentlog
