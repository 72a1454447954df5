// PlainSqlite is SQLite as an app would use it for the same job: WAL, synchronous=FULL. The peer of
// single appends and of folding. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/sql_peer.h"

struct sqlite3;
struct sqlite3_stmt;

namespace intentlog::bench {

class PlainSqlite final : public SqlPeer {
 public:
  static absl::StatusOr<std::unique_ptr<PlainSqlite>> Open(const std::string& file);
  ~PlainSqlite() override;

  absl::Status Run(const std::string& sql) override;
  absl::StatusOr<std::vector<int64_t>> Integers(const std::string& sql) override;
  // One row in one durable transaction into `intents(id, bytes)`, made on first use.
  absl::Status Insert(std::string_view id, std::string_view bytes);
  absl::Status Select(std::string_view id, std::string* bytes);
  // For other statements; the caller finalizes it.
  absl::StatusOr<sqlite3_stmt*> Prepare(const std::string& sql);

 private:
  explicit PlainSqlite(sqlite3* db) : db_(db) {}
  absl::Status Failed(std::string_view what) const;

  sqlite3* db_;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* select_ = nullptr;
};

}  // namespace intentlog::bench
