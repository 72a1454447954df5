// The year of order lines as a table of SQL, and the views of a shop as GROUP BYs from it: what
// rebuilding a view is measured beside.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "tools/bench/plain_postgres.h"
#include "tools/bench/plain_sqlite.h"
#include "tools/bench/sql_peer.h"

namespace intentlog::bench {

// `CREATE TABLE view AS SELECT …`, whose first column is the view's key.
struct ViewQuery {
  std::string view;
  std::string sql;
  // Number of rows and sums of columns: of what the view holds as `sql` makes it.
  std::string sums;
};
// Of the eight views. Month and day are cut out of the time's text, as SQL users do.
std::vector<ViewQuery> ViewQueries();

// Fill the table `lines` from the log. Not timed by anybody.
absl::Status FillLines(const EventLog& log, PlainSqlite& sqlite);
absl::Status FillLines(const EventLog& log, PlainPostgres& postgres);

// Makes the views anew, in one transaction, durable at its end; lines a second.
absl::StatusOr<double> GroupLines(const std::vector<ViewQuery>& queries, SqlPeer& peer);

}  // namespace intentlog::bench
