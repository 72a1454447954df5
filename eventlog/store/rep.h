// What a Store holds. Private to this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/store/store.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/write_buffer_manager.h"

namespace intentlog {

inline constexpr uint32_t kStoreFormat = 1;
// Bytes that guard each key of a batch from the caller's memory to the file.
inline constexpr size_t kProtectionBytes = 8;

inline rocksdb::Slice ToSlice(std::string_view bytes) {
  return rocksdb::Slice(bytes.data(), bytes.size());
}
inline std::string_view ToView(const rocksdb::Slice& slice) {
  return std::string_view(slice.data(), slice.size());
}

// "disk full: …", "DIR is damaged: …" and so on. REQUIRES: !status.ok().
absl::Status ToStatus(const rocksdb::Status& status, std::string_view dir);

// A held lock on a folder that is only read. Writers hold the same lock through RocksDB.
class FolderLock {
 public:
  FolderLock(rocksdb::Env* env, rocksdb::FileLock* lock) : env_(env), lock_(lock) {}
  ~FolderLock() { env_->UnlockFile(lock_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  rocksdb::Env* const env_;
  rocksdb::FileLock* const lock_;
};

// RESOURCE_EXHAUSTED if less than `needed` bytes are free on the disk of the folder `at`, where the
// store `dir` is or will be. OK if the file system does not tell.
absl::Status CheckFree(rocksdb::Env* env, const std::string& at, std::string_view dir,
                       uint64_t needed);

struct Store::Rep {
  ~Rep();
  absl::Status OpenForReading(const StoreOptions& options);
  // On a full disk for reading, and failed.
  absl::Status OpenForWriting(const StoreOptions& options);
  absl::Status OpenDatabase(const StoreOptions& options);
  absl::Status CheckIdentity(const std::string& role) const;
  absl::Status Fail(const absl::Status& status);
  absl::Status CheckExpected(Space space, const std::string& key,
                             const std::optional<std::string>& value) const;
  absl::Status Fail(const rocksdb::Status& status) { return Fail(ToStatus(status, dir)); }
  // OK while as much is free as a commit of `bytes`, what RocksDB writes by itself, and `spare`
  // take together.
  absl::Status CheckRoom(uint64_t bytes, uint64_t spare) const;
  rocksdb::ColumnFamilyHandle* space(Space space) const {
    return spaces[static_cast<size_t>(space)];
  }

  std::string dir;
  bool read_only = false;
  uint64_t free_bytes_min = 0;
  rocksdb::Env* env = nullptr;
  std::unique_ptr<FolderLock> lock;  // where it is only read
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> spaces;

  // Held while a batch that expects something is checked and written.
  std::mutex expecting;
  std::atomic<bool> has_failed{false};
  mutable std::mutex mutex;
  absl::Status failure;  // protected by mutex
};

}  // namespace intentlog
