// What a Store holds, in two forms: a database of RocksDB, and memory. Private to this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/store/store.h"
#include "proto/store.pb.h"

namespace intentlog {

inline constexpr std::string_view kIdentityKey = "identity";

// What errors of all forms say.
absl::Status InUse(std::string_view dir);
absl::Status Damaged(std::string_view dir, std::string_view how);
absl::Status Absent(std::string_view dir);
absl::Status NoRoom(std::string_view dir, uint64_t free, uint64_t needed);
// The row kIdentityKey of a new store.
std::string IdentityOf(const std::string& role);

// Column families belong to an open store, so changes are kept as they came until they are
// committed.
struct Changes {
  static constexpr size_t kPieceBytes = 64 << 10;

  struct Change {
    Space space;
    bool put;
    uint32_t key_bytes;
    uint32_t value_bytes;
  };
  struct Expected {
    Space space;
    std::string key;
    std::optional<std::string> value;
  };
  // Room for a change: in the last piece, or a new one.
  std::string& Room(size_t size);
  // Calls `each(change, key, value)` in the order in which changes came, until it returns false.
  template <class Each>
  void ForEach(const Each& each) const {
    Walk(each, [](size_t) {});
  }
  // The same, giving back the memory of each piece once it was walked: only Clear is allowed after
  // it.
  template <class Each>
  void Drain(const Each& each) {
    Walk(each, [this](size_t piece) { std::string().swap(pieces[piece]); });
  }
  template <class Each, class Walked>
  void Walk(const Each& each, const Walked& walked) const {
    size_t piece = 0;
    size_t at = 0;
    for (const Change& change : changes) {
      while (at == pieces[piece].size() && piece + 1 < pieces.size()) {
        walked(piece++);
        at = 0;
      }
      const std::string_view key(pieces[piece].data() + at, change.key_bytes);
      const std::string_view value(key.data() + change.key_bytes, change.value_bytes);
      at += change.key_bytes + change.value_bytes;
      if (!each(change, key, value)) return;
    }
  }

  std::vector<Expected> expected;
  std::vector<Change> changes;
  // Key and value of each change, one after another; none lies in two pieces. So a large batch is
  // never moved while it grows.
  std::vector<std::string> pieces;
  size_t bytes = 0;
};

struct StoreBatch::Rep : Changes {};

struct Store::Rep {
  struct Rocks;
  struct Memory;
  static absl::StatusOr<std::unique_ptr<Rep>> OpenRocks(const std::string& dir,
                                                        const StoreOptions& options);
  static absl::StatusOr<std::unique_ptr<Rep>> OpenMemory(const std::string& dir,
                                                         const StoreOptions& options);

  virtual ~Rep() = default;
  // What is committed has room and has not failed; expectations are checked by the callee.
  // May drain the batch.
  virtual absl::Status Write(Changes& batch, Sync sync) = 0;
  virtual absl::Status SyncLog() = 0;
  virtual std::unique_ptr<StoreLoad> Load(Space space) = 0;
  virtual absl::StatusOr<bool> Get(Space space, std::string_view key, std::string* value) const = 0;
  virtual std::unique_ptr<StoreCursor> Scan(Space space) const = 0;
  virtual std::unique_ptr<StoreSnapshot> Snapshot() const = 0;
  virtual absl::Status CopyTo(const std::string& to) const = 0;
  // OK while as much is free as a commit of `bytes`, what the form writes by itself, and `spare`
  // take together.
  virtual absl::Status CheckRoom(uint64_t bytes, uint64_t spare) const = 0;
  virtual absl::Status CheckReopen() const = 0;
  virtual uint64_t disk_bytes() const = 0;

  absl::StatusOr<StoreIdentity> ReadIdentity() const;
  absl::Status CheckIdentity(const std::string& role) const;
  absl::Status CheckExpected(const Changes& batch) const;
  // Remembers the first failure, and returns it.
  absl::Status Fail(const absl::Status& status);
  // OK while it may be written.
  absl::Status MayWrite() const;

  std::string dir;
  bool read_only = false;
  uint64_t free_bytes_min = 0;
  std::atomic<bool> has_failed{false};
  mutable std::mutex mutex;
  absl::Status failure;  // protected by mutex
};

}  // namespace intentlog
