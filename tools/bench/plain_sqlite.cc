#include "tools/bench/plain_sqlite.h"

#include <sqlite3.h>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog::bench {

absl::Status PlainSqlite::Failed(std::string_view what) const {
  return Unavailable("SQLite, ", what, ": ", sqlite3_errmsg(db_));
}

absl::StatusOr<std::unique_ptr<PlainSqlite>> PlainSqlite::Open(const std::string& file) {
  sqlite3* db = nullptr;
  if (sqlite3_open(file.c_str(), &db) != SQLITE_OK) {
    const absl::Status status = Unavailable("SQLite does not open ", file);
    sqlite3_close(db);
    return status;
  }
  std::unique_ptr<PlainSqlite> sqlite(new PlainSqlite(db));
  RETURN_IF_ERROR(sqlite->Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"));
  return sqlite;
}

PlainSqlite::~PlainSqlite() {
  sqlite3_finalize(insert_);
  sqlite3_finalize(select_);
  sqlite3_close(db_);
}

absl::Status PlainSqlite::Run(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus()
                                                                                : Failed(sql);
}

absl::StatusOr<sqlite3_stmt*> PlainSqlite::Prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    return Failed(sql);
  }
  return statement;
}

absl::StatusOr<std::vector<int64_t>> PlainSqlite::Integers(const std::string& sql) {
  ASSIGN_OR_RETURN(sqlite3_stmt* const select, Prepare(sql));
  std::vector<int64_t> integers;
  const int code = sqlite3_step(select);
  for (int i = 0; code == SQLITE_ROW && i < sqlite3_column_count(select); ++i) {
    integers.push_back(sqlite3_column_int64(select, i));
  }
  sqlite3_finalize(select);
  if (code != SQLITE_ROW) return Failed(sql);
  return integers;
}

absl::Status PlainSqlite::Insert(std::string_view id, std::string_view bytes) {
  if (insert_ == nullptr) {
    RETURN_IF_ERROR(Run("CREATE TABLE intents(id BLOB PRIMARY KEY, bytes BLOB) WITHOUT ROWID"));
    ASSIGN_OR_RETURN(insert_, Prepare("INSERT INTO intents VALUES(?, ?)"));
    ASSIGN_OR_RETURN(select_, Prepare("SELECT bytes FROM intents WHERE id = ?"));
  }
  sqlite3_bind_blob(insert_, 1, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
  sqlite3_bind_blob(insert_, 2, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  const int code = sqlite3_step(insert_);
  sqlite3_reset(insert_);
  return code == SQLITE_DONE ? absl::OkStatus() : Failed("insert");
}

absl::Status PlainSqlite::Select(std::string_view id, std::string* bytes) {
  sqlite3_bind_blob(select_, 1, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
  const int code = sqlite3_step(select_);
  if (code == SQLITE_ROW) {
    bytes->assign(static_cast<const char*>(sqlite3_column_blob(select_, 0)),
                  static_cast<size_t>(sqlite3_column_bytes(select_, 0)));
  }
  sqlite3_reset(select_);
  return code == SQLITE_ROW ? absl::OkStatus() : Failed("select");
}

}  // namespace intentlog::bench
