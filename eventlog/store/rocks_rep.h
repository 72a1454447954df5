// A Store that is a database of RocksDB. Private to this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/store/high_water.h"
#include "eventlog/store/rep.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/write_buffer_manager.h"

namespace intentlog {

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

class FailStop;

struct Store::Rep::Rocks final : Store::Rep {
  ~Rocks() override;
  absl::Status Write(Changes& batch, Sync sync) override;
  absl::Status SyncLog() override;
  std::unique_ptr<StoreLoad> Load(Space space) override;
  absl::StatusOr<bool> Get(Space of, std::string_view key, std::string* value) const override;
  std::unique_ptr<StoreCursor> Scan(Space of) const override;
  std::unique_ptr<StoreSnapshot> Snapshot() const override;
  absl::Status CopyTo(const std::string& to) const override;
  absl::Status CheckRoom(uint64_t bytes, uint64_t spare) const override;
  absl::Status CheckReopen() const override;
  uint64_t disk_bytes() const override;

  class TableLoad;

  absl::Status OpenForReading(const StoreOptions& options);
  // On a full disk for reading, and failed.
  absl::Status OpenForWriting(const StoreOptions& options);
  absl::Status OpenDatabase(const StoreOptions& options);
  // What loads left that a crash ended.
  absl::Status RemoveLoads();
  // DATA_LOSS if less is there than was durable once.
  absl::Status CheckHighWater(const HighWater::Mark& mark) const;
  absl::Status FailOf(const rocksdb::Status& status) { return Fail(ToStatus(status, dir)); }
  rocksdb::ColumnFamilyHandle* space(Space space) const {
    return spaces[static_cast<size_t>(space)];
  }

  rocksdb::Env* env = nullptr;
  std::unique_ptr<HighWater> high_water;  // outlives the database, whose threads write it
  std::unique_ptr<FolderLock> lock;       // where it is only read
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> spaces;
  std::shared_ptr<FailStop> fail_stop;  // of the database that is open
  // Held while a batch that expects something is checked and written.
  std::mutex expecting;
  std::atomic<uint64_t> loads{0};  // made so far; each has a file of its own
};

}  // namespace intentlog
