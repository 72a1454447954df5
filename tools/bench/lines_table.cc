#include "tools/bench/lines_table.h"

#include <sqlite3.h>

#include <ctime>

#include "eventlog/log/event.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/server_data.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

struct Query {
  const char* table;
  const char* columns;
  const char* select;
};

constexpr const char* kSalesColumns = "count(*), sum(quantity), sum(quantity * price)";
constexpr Query kQueries[] = {
    {"sales_by_invoice", "order_id", kSalesColumns},
    {"sales_by_product", "product_id", kSalesColumns},
    {"sales_by_customer", "customer_id", kSalesColumns},
    {"sales_by_country", "country", kSalesColumns},
    {"sales_by_month", "substr(sold_at, 1, 7)", kSalesColumns},
    {"sales_by_day", "substr(sold_at, 1, 10)", kSalesColumns},
    {"orders", "order_id",
     "min(customer_id), min(country), min(sold_at), sum(quantity), sum(quantity * price)"},
    {"stock", "product_id", "-sum(quantity), count(*)"},
};

std::string TimeText(int64_t us) {
  const std::time_t seconds = us / 1000000;
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

void BindText(sqlite3_stmt* statement, int column, const std::string& text) {
  sqlite3_bind_text(statement, column, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
}

absl::Status InsertLine(sqlite3_stmt* statement, const commerce::OrderLineAdded& line) {
  BindText(statement, 1, line.order_id());
  BindText(statement, 2, line.product_id());
  BindText(statement, 3, line.description());
  sqlite3_bind_int64(statement, 4, line.quantity());
  sqlite3_bind_int64(statement, 5, line.unit_price_micros());
  BindText(statement, 6, TimeText(line.sold_at_us()));
  BindText(statement, 7, line.customer_id());
  BindText(statement, 8, line.country());
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  return code == SQLITE_DONE ? absl::OkStatus() : Unavailable("SQLite takes no line");
}

}  // namespace

std::vector<ViewQuery> ViewQueries() {
  std::vector<ViewQuery> queries;
  for (const Query& query : kQueries) {
    queries.push_back({query.table, Cat("CREATE TABLE ", query.table, " AS SELECT ", query.columns,
                                        " AS key, ", query.select, " FROM lines GROUP BY key")});
  }
  return queries;
}

absl::Status FillLines(const EventLog& log, PlainSqlite& sqlite) {
  RETURN_IF_ERROR(
      sqlite.Run("CREATE TABLE lines(order_id TEXT, product_id TEXT, description TEXT,"
                 " quantity INTEGER, price INTEGER, sold_at TEXT, customer_id TEXT, country TEXT);"
                 "BEGIN"));
  ASSIGN_OR_RETURN(sqlite3_stmt * insert,
                   sqlite.Prepare("INSERT INTO lines VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
  EventDecoder decoder(ShopSchema());
  const auto reader = log.Read(Position(1));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    for (size_t i = 0; i < reader->block().size(); ++i) {
      ASSIGN_OR_RETURN(const Event* event, decoder.Decode(reader->block().event(i)));
      const auto* line = event->As<commerce::OrderLineAdded>();
      if (line != nullptr) RETURN_IF_ERROR(InsertLine(insert, *line));
    }
  }
  sqlite3_finalize(insert);
  return sqlite.Run("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}

absl::StatusOr<double> GroupLines(const std::vector<ViewQuery>& queries, PlainSqlite& sqlite) {
  for (const ViewQuery& query : queries) {
    RETURN_IF_ERROR(sqlite.Run(Cat("DROP TABLE IF EXISTS ", query.view)));
  }
  const Stopwatch watch;
  RETURN_IF_ERROR(sqlite.Run("BEGIN"));
  for (const ViewQuery& query : queries) RETURN_IF_ERROR(sqlite.Run(query.sql));
  RETURN_IF_ERROR(sqlite.Run("COMMIT"));
  return static_cast<double>(kYearLines) / watch.Seconds();
}

}  // namespace intentlog::bench
