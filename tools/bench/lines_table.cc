#include "tools/bench/lines_table.h"

#include <sqlite3.h>

#include <ctime>
#include <functional>
#include <string_view>

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
  const char* sums;
};

// Both databases read these. A product of quantity and price needs 64 bits, which SQLite always
// has.
constexpr const char* kTable =
    "CREATE TABLE lines(order_id TEXT, product_id TEXT, description TEXT, quantity INTEGER,"
    " price BIGINT, sold_at TEXT, customer_id TEXT, country TEXT)";
constexpr const char* kSalesColumns =
    "count(*) AS lines, sum(quantity) AS units, sum(quantity * price) AS revenue";
constexpr const char* kSalesSums = "sum(lines), sum(units), sum(revenue)";
constexpr Query kQueries[] = {
    {"sales_by_invoice", "order_id", kSalesColumns, kSalesSums},
    {"sales_by_product", "product_id", kSalesColumns, kSalesSums},
    {"sales_by_customer", "customer_id", kSalesColumns, kSalesSums},
    {"sales_by_country", "country", kSalesColumns, kSalesSums},
    {"sales_by_month", "substr(sold_at, 1, 7)", kSalesColumns, kSalesSums},
    {"sales_by_day", "substr(sold_at, 1, 10)", kSalesColumns, kSalesSums},
    {"orders", "order_id",
     "min(customer_id) AS customer, min(country) AS country, min(sold_at) AS opened_at,"
     " sum(quantity) AS units, sum(quantity * price) AS total",
     "sum(units), sum(total)"},
    {"stock", "product_id", "-sum(quantity) AS on_hand, count(*) AS moves",
     "sum(on_hand), sum(moves)"},
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

void AppendCopyRow(const commerce::OrderLineAdded& line, std::string* row) {
  const auto text = [row](std::string_view column, char end = '\t') {
    PlainPostgres::CopyText(column, row);
    row->push_back(end);
  };
  text(line.order_id());
  text(line.product_id());
  text(line.description());
  text(std::to_string(line.quantity()));
  text(std::to_string(line.unit_price_micros()));
  text(TimeText(line.sold_at_us()));
  text(line.customer_id());
  text(line.country(), '\n');
}

using Visit = std::function<absl::Status(const commerce::OrderLineAdded&)>;

absl::Status ForEachLine(const EventLog& log, const Visit& visit) {
  EventDecoder decoder(ShopSchema());
  const auto reader = log.Read(Position(1));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) return absl::OkStatus();
    for (size_t i = 0; i < reader->block().size(); ++i) {
      ASSIGN_OR_RETURN(const Event* event, decoder.Decode(reader->block().event(i)));
      const auto* line = event->As<commerce::OrderLineAdded>();
      if (line != nullptr) RETURN_IF_ERROR(visit(*line));
    }
  }
}

}  // namespace

std::vector<ViewQuery> ViewQueries() {
  std::vector<ViewQuery> queries;
  for (const Query& query : kQueries) {
    queries.push_back({query.table,
                       Cat("CREATE TABLE ", query.table, " AS SELECT ", query.columns, " AS key, ",
                           query.select, " FROM lines GROUP BY key"),
                       Cat("SELECT count(*), ", query.sums, " FROM ", query.table)});
  }
  return queries;
}

absl::Status FillLines(const EventLog& log, PlainSqlite& sqlite) {
  RETURN_IF_ERROR(sqlite.Run(Cat(kTable, "; BEGIN")));
  ASSIGN_OR_RETURN(sqlite3_stmt * insert,
                   sqlite.Prepare("INSERT INTO lines VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
  const absl::Status status =
      ForEachLine(log, [insert](const auto& line) { return InsertLine(insert, line); });
  sqlite3_finalize(insert);
  RETURN_IF_ERROR(status);
  return sqlite.Run("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}

absl::Status FillLines(const EventLog& log, PlainPostgres& postgres) {
  RETURN_IF_ERROR(postgres.Run("BEGIN"));
  RETURN_IF_ERROR(postgres.Run(kTable));
  RETURN_IF_ERROR(postgres.BeginCopy("lines"));
  std::string row;
  RETURN_IF_ERROR(ForEachLine(log, [&](const auto& line) {
    row.clear();
    AppendCopyRow(line, &row);
    return postgres.CopyRow(row);
  }));
  RETURN_IF_ERROR(postgres.EndCopy());
  RETURN_IF_ERROR(postgres.Run("COMMIT"));
  // What a table has that is in use: statistics for the planner, and pages that are known and read.
  RETURN_IF_ERROR(postgres.Run("VACUUM (ANALYZE) lines"));
  return postgres.Run("CHECKPOINT");
}

absl::StatusOr<double> GroupLines(const std::vector<ViewQuery>& queries, SqlPeer& peer) {
  for (const ViewQuery& query : queries) {
    RETURN_IF_ERROR(peer.Run(Cat("DROP TABLE IF EXISTS ", query.view)));
  }
  const Stopwatch watch;
  RETURN_IF_ERROR(peer.Run("BEGIN"));
  for (const ViewQuery& query : queries) RETURN_IF_ERROR(peer.Run(query.sql));
  RETURN_IF_ERROR(peer.Run("COMMIT"));
  return static_cast<double>(kYearLines) / watch.Seconds();
}

}  // namespace intentlog::bench
