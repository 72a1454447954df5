// What can still be read of a damaged store: whatever lies in a block of a table, or in a batch of
// a write-ahead log, whose checksum is right. Reads files alone, without the database, and changes
// nothing.
//
//   ASSIGN_OR_RETURN(const auto lock, StoreLock::Take(nullptr, dir));
//   Salvaged read;
//   RETURN_IF_ERROR(ReadSalvage(nullptr, dir, [&](Space space, key, value) {…}, &read));
//
// A key may come several times, older values among them, and rows that were deleted may come: who
// uses this must know its rows. What lies in logs comes last.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/store/store.h"

namespace rocksdb {
class FileLock;
}  // namespace rocksdb

namespace intentlog {

// Nobody else opens the store to write as long as this lives, wherever its folder is moved.
class StoreLock {
 public:
  // NOT_FOUND: there is no such folder. FAILED_PRECONDITION: it is in use by a writer.
  static absl::StatusOr<std::unique_ptr<StoreLock>> Take(rocksdb::Env* env, const std::string& dir);
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  StoreLock(rocksdb::Env* env, rocksdb::FileLock* lock) : env_(env), lock_(lock) {}

  rocksdb::Env* const env_;
  rocksdb::FileLock* const lock_;
};

struct Salvaged {
  uint64_t rows = 0;
  // "000012.sst: block checksum mismatch …": each file of which something could not be read. A log
  // that ends within a record is none of them.
  std::vector<std::string> damaged;
};

using UseSalvaged =
    absl::FunctionRef<void(Space space, std::string_view key, std::string_view value)>;

// NOT_FOUND: there is no such folder, or none of its files is a table or a log.
// REQUIRES: a StoreLock of the folder is held.
absl::Status ReadSalvage(rocksdb::Env* env, const std::string& dir, UseSalvaged use,
                         Salvaged* salvaged);

}  // namespace intentlog
