// PlainPostgres is a connection to the PostgreSQL server of postgres_server.h: the peer of folding.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/sql_peer.h"

struct pg_conn;

namespace intentlog::bench {

class PlainPostgres final : public SqlPeer {
 public:
  // `dir` has the server's socket in it.
  static absl::StatusOr<std::unique_ptr<PlainPostgres>> Open(const std::string& dir);
  ~PlainPostgres() override;

  // "PostgreSQL 15.18".
  std::string name() const;
  absl::Status Run(const std::string& sql) override;
  absl::StatusOr<std::vector<int64_t>> Integers(const std::string& sql) override;

  // COPY table FROM STDIN, row by row: columns between tabs, CopyText of each, a newline at the
  // end.
  absl::Status BeginCopy(const std::string& table);
  absl::Status CopyRow(std::string_view row);
  absl::Status EndCopy();
  // `text` as a column, appended to `row`.
  static void CopyText(std::string_view text, std::string* row);

 private:
  explicit PlainPostgres(pg_conn* connection) : connection_(connection) {}
  absl::Status Failed(std::string_view what) const;

  pg_conn* const connection_;
};

}  // namespace intentlog::bench
