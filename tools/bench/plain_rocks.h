// PlainRocks is RocksDB as anyone would use it, without anything of ours: the ceiling beside which
// appends, ingest and scans are measured. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rocksdb {
class DB;
}

namespace intentlog::bench {

class PlainRocks {
 public:
  static absl::StatusOr<std::unique_ptr<PlainRocks>> Open(const std::string& dir);
  ~PlainRocks();

  // Each is durable when it returns.
  absl::Status Put(std::string_view key, std::string_view value);
  absl::Status PutAll(const std::vector<std::pair<std::string, std::string>>& rows);
  absl::Status Get(std::string_view key, std::string* value) const;
  // Visits every value in key order; returns their bytes.
  absl::StatusOr<uint64_t> Scan(const std::function<void(std::string_view)>& visit) const;
  absl::Status FlushAndCompact();

 private:
  explicit PlainRocks(std::unique_ptr<rocksdb::DB> db);
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace intentlog::bench
