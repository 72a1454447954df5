// A full disk, foreseen: how much is free, how much a commit or an opening takes, and opening for
// reading where that is too much.
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/rep.h"
#include "rocksdb/file_system.h"

namespace intentlog {
namespace {

std::string KiB(uint64_t bytes) { return Cat((bytes + 1023) >> 10, " KiB"); }

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
  return Exhausted("disk full: ", free >> 10, " KiB are free where ", dir, " lies, and ",
                   KiB(needed), " are needed to write there; free some space and try again");
}

absl::Status Store::Rep::CheckRoom(uint64_t bytes, uint64_t spare) const {
  // To the write-ahead log now, and with all that is unflushed to tables later.
  return CheckFree(env, dir, dir,
                   free_bytes_min + spare + 2 * bytes + write_buffers->memory_usage());
}

absl::Status Store::CheckReopen() const {
  return CheckFree(rep_->env, rep_->dir, rep_->dir,
                   2 * rep_->free_bytes_min + OpeningBytes(rep_->env, rep_->dir));
}

absl::Status Store::Rep::OpenForReading(const StoreOptions& options) {
  rocksdb::FileLock* held = nullptr;  // RocksDB does not lock for readers
  const rocksdb::Status status = env->LockFile(dir + "/LOCK", &held);
  if (!status.ok()) return ToStatus(status, dir);
  lock = std::make_unique<FolderLock>(env, held);
  return OpenDatabase(options);
}

absl::Status Store::Rep::OpenForWriting(const StoreOptions& options) {
  absl::Status status = CheckFree(env, dir, dir, options.free_bytes_min + OpeningBytes(env, dir));
  if (status.ok()) status = OpenDatabase(options);
  if (!absl::IsResourceExhausted(status)) return status;
  Fail(status).IgnoreError();
  return OpenForReading(options);
}

}  // namespace intentlog
