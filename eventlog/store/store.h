// A Store is an ordered map of bytes on disk, in four spaces, with atomic durable batches. RocksDB
// is opened here and nowhere else, with the settings under which it never hides a loss (README.md).
//
// Thread-safe. After the first failed write or sync the store is failed: every later Commit returns
// that error until it is closed and opened again; reads go on. A full disk is not met but foreseen:
// while too little is free, commits are refused and leave the store whole.
//
//   ASSIGN_OR_RETURN(auto store, Store::Open(dir, options));
//   StoreBatch batch;
//   batch.Put(Space::kMeta, "key", "value");
//   RETURN_IF_ERROR(store->Commit(batch, Sync::kDurable));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rocksdb {
class Env;
class WriteBatch;
}  // namespace rocksdb

namespace intentlog {

class MemoryDisk;

// Column families. What lies in which: eventlog/log/FORMAT.md.
enum class Space : uint8_t { kMeta = 0, kLog = 1, kIndex = 2, kRows = 3 };
inline constexpr int kSpaces = 4;

enum class Sync : uint8_t {
  kDurable,   // survives a power cut when Commit returns
  kBuffered,  // survives the process; a power cut takes it, and all after it, until the next sync
};

// The newest format that this program knows. A new store is of format 1.
inline constexpr uint32_t kStoreFormat = 2;

struct StoreOptions {
  // "server-log", "server-views" or "device"; a store of another role is refused.
  std::string role;
  // Made when absent; otherwise NOT_FOUND.
  bool create_if_missing = true;
  // Only reads; the folder may not be in use by a writer all the same.
  bool read_only = false;
  // Memory for unflushed writes of all spaces together. More means fewer, larger files.
  size_t write_buffer_bytes = 16 << 20;
  // Memory for uncompressed blocks read from files.
  size_t block_cache_bytes = 8 << 20;
  // What stays free on the disk, besides what unflushed writes will take: room for what RocksDB
  // writes unasked, such as manifests, options and small compactions. Below twice of it CheckRoom
  // says no, below it Commit. A disk that fills up all the same is a failed write.
  uint64_t free_bytes_min = 512 << 10;
  // Open table files kept; each costs some kilobytes.
  int open_files_max = 256;
  // After so many durable commits a file beside the write-ahead log says how far they came, so that
  // a log that was cut is found at opening. Each costs a sync: rare enough to leave the 99th
  // percentile alone. 0: never.
  uint32_t high_water_commits = 256;
  // The file system; null: the machine's. Must outlive the store.
  rocksdb::Env* env = nullptr;
  // Keeps the store in memory instead, for tests; must outlive it. Null: on disk.
  MemoryDisk* memory = nullptr;
};

// Whether a commit asks how much of the disk is free: a system call.
enum class Room : uint8_t {
  kAsk,
  kAsked,  // CheckRoom said a moment ago that there is room for this
};

// Changes that become visible together. Thread-compatible.
class StoreBatch {
 public:
  StoreBatch();
  ~StoreBatch();
  StoreBatch(StoreBatch&&) noexcept;
  StoreBatch& operator=(StoreBatch&&) noexcept;

  void Put(Space space, std::string_view key, std::string_view value);
  void Delete(Space space, std::string_view key);
  // Commit is refused unless `key` has this value then, or is absent for none. Among batches that
  // expect something, checking and writing are one step.
  void Expect(Space space, std::string_view key, std::optional<std::string_view> value);
  // The changes and expectations of `other`, which is empty then, after those of this one.
  void Append(StoreBatch&& other);
  void Clear();
  // Changes nothing.
  bool empty() const;
  size_t bytes() const;

 private:
  friend class Store;
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

// Walks keys in ascending byte order. Sees the store as it was when made. Thread-compatible; the
// store must outlive it. Views are valid until the next move.
class StoreCursor {
 public:
  virtual ~StoreCursor() = default;
  virtual bool Valid() const = 0;
  virtual void Seek(std::string_view key) = 0;      // first key >= `key`
  virtual void SeekBack(std::string_view key) = 0;  // last key <= `key`
  virtual void Next() = 0;
  virtual void Back() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  // Not OK if the walk ended because bytes could not be read.
  virtual absl::Status status() const = 0;
};

// A consistent view of the store at one moment. The store must outlive it. Thread-safe.
class StoreSnapshot {
 public:
  virtual ~StoreSnapshot() = default;
  virtual absl::StatusOr<bool> Get(Space space, std::string_view key, std::string* value) const = 0;
  virtual std::unique_ptr<StoreCursor> Scan(Space space) const = 0;
};

// Many rows of one space where there are none, put there at once as a table of their own: for a
// third of what commits take, which write each row to the log, to a table, and to another one.
// Snapshots that were taken before Finish may see them after it, cursors do not; one that is not
// finished leaves nothing. Thread-compatible; the store must outlive it. Errors are those of
// Commit.
class StoreLoad {
 public:
  virtual ~StoreLoad() = default;
  // REQUIRES: `key` is above the last one.
  virtual absl::Status Put(std::string_view key, std::string_view value) = 0;
  // Durable, with every commit before it. FAILED_PRECONDITION: there is a row between the first and
  // the last one, or what is left of one that was deleted; nothing was written, and the store has
  // not failed. REQUIRES: called once.
  virtual absl::Status Finish() = 0;
};

class Store {
 public:
  // FAILED_PRECONDITION: in use by another process, of another role, or of a newer format (each
  // says so and what to do). NOT_FOUND: absent and not to be made. DATA_LOSS: damaged.
  // RESOURCE_EXHAUSTED: disk full, and there is no store yet. One that is there opens on a full
  // disk too, as failed (see failed()): it is read until there is space and it is opened again.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& dir,
                                                     const StoreOptions& options);
  ~Store();

  // All of `batch` or nothing; it is empty then, unless it was refused before anything was written.
  // RESOURCE_EXHAUSTED if the disk is full: nothing was written unless failed() is set. After any
  // other failure the outcome is unknown until the store is opened again. FAILED_PRECONDITION if
  // something is not as the batch expects it: nothing was written, and the store has not failed.
  absl::Status Commit(StoreBatch& batch, Sync sync, Room room = Room::kAsk);
  // Makes every earlier Commit durable.
  absl::Status SyncLog();

  // Puts into `batch` that the store is of `format` from then on, which programs that do not know
  // it refuse by name; nothing if it is already, or of a newer one. REQUIRES: format <=
  // kStoreFormat.
  absl::Status RequireFormat(uint32_t format, StoreBatch& batch) const;

  // Costs about three syncs more than a durable commit: for thousands of rows.
  std::unique_ptr<StoreLoad> Load(Space space);

  // Whether a person's or a device's new work may be taken: RESOURCE_EXHAUSTED if the disk has no
  // room for `bytes` of it and for the small commits that must go on: cursors, receipts, feed.
  absl::Status CheckRoom(uint64_t bytes) const;

  // False if there is no such key.
  absl::StatusOr<bool> Get(Space space, std::string_view key, std::string* value) const;
  std::unique_ptr<StoreCursor> Scan(Space space) const;
  std::unique_ptr<StoreSnapshot> Snapshot() const;

  // Writes a copy, as of one moment between two commits, that can be opened as a store. `dir` is
  // absent, and its parent is there. Commits go on meanwhile. Thread-safe.
  absl::Status CopyTo(const std::string& dir) const;

  // Whether the disk has room to open this store again for writing: RESOURCE_EXHAUSTED if not.
  absl::Status CheckReopen() const;

  // The first write error, or that it was opened on a full disk; OK while there is none.
  absl::Status failed() const;
  const std::string& dir() const;
  // Bytes on disk, files of the database only.
  uint64_t disk_bytes() const;

 private:
  struct Rep;
  explicit Store(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
