// rebuild: all views from the server's log with one worker, beside SQLite grouping the same lines.
#include <sqlite3.h>

#include <ctime>
#include <set>

#include "eventlog/log/event.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"
#include "projections/engine/read_models.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "tools/bench/benches.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/plain_sqlite.h"
#include "tools/bench/server_data.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 3;
// A rebuild has a server's memory: rows in hand before they are written, and rows kept for what
// comes next, which hold the products of eight shops.
constexpr size_t kCommitBytes = 32 << 20;
constexpr size_t kKeptRowsBytes = 64 << 20;

struct Query {
  const char* table;
  const char* columns;
  const char* select;
};

constexpr const char* kSalesColumns = "count(*), sum(quantity), sum(quantity * price)";
// The eight views of a shop. Month and day are cut out of the time's text, as SQL users do.
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

// The event table: the same lines as columns, not timed.
absl::Status FillTable(const EventLog& log, PlainSqlite& sqlite) {
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

absl::StatusOr<double> GroupAll(PlainSqlite& sqlite) {
  for (const Query& query : kQueries) {
    RETURN_IF_ERROR(sqlite.Run(Cat("DROP TABLE IF EXISTS ", query.table)));
  }
  const Stopwatch watch;
  RETURN_IF_ERROR(sqlite.Run("BEGIN"));
  for (const Query& query : kQueries) {
    RETURN_IF_ERROR(sqlite.Run(Cat("CREATE TABLE ", query.table, " AS SELECT ", query.columns,
                                   " AS key, ", query.select, " FROM lines GROUP BY key")));
  }
  RETURN_IF_ERROR(sqlite.Run("COMMIT"));
  return static_cast<double>(kYearLines) / watch.Seconds();
}

// Writes what was folded: rows, digests and checkpoints of the scopes that were touched.
absl::Status CommitFold(ReadModels& models, Store& store, std::set<std::string>& scopes,
                        Position through, Sync sync) {
  StoreBatch batch;
  for (const std::string& scope : scopes) RETURN_IF_ERROR(models.Finish(scope, through, batch));
  scopes.clear();
  RETURN_IF_ERROR(store.Commit(batch, sync));
  models.Committed();
  return absl::OkStatus();
}

absl::StatusOr<double> FoldAll(const EventLog& log, const std::string& dir) {
  StoreOptions options;
  options.role = "server-views";
  ASSIGN_OR_RETURN(const auto store, Store::Open(dir, options));
  const Stopwatch watch;
  ASSIGN_OR_RETURN(const auto models, ReadModels::Open(*store, CommerceViews(),
                                                       {.kept_rows_bytes_max = kKeptRowsBytes}));
  EventDecoder decoder(ShopSchema());
  std::set<std::string> scopes;
  uint64_t events = 0;
  Position through;
  const auto reader = log.Read(Position(1));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    const BlockView& block = reader->block();
    for (size_t i = 0; i < block.size(); ++i) {
      const EventRef ref = block.event(i);
      if (!ref.in_feed) continue;
      ASSIGN_OR_RETURN(const Event* event, decoder.Decode(ref));
      RETURN_IF_ERROR(models->Add(*event));
    }
    for (const std::string_view scope : block.scopes()) scopes.emplace(scope);
    events += block.size();
    through = block.last();
    if (models->pending_bytes() < kCommitBytes) continue;
    RETURN_IF_ERROR(CommitFold(*models, *store, scopes, through, Sync::kBuffered));
  }
  RETURN_IF_ERROR(CommitFold(*models, *store, scopes, through, Sync::kDurable));
  const double seconds = watch.Seconds();
  ASSIGN_OR_RETURN(const auto countries, models->Scopes("sales_by_country"));
  if (countries.size() != kYearShops || events != kYearLines) {
    return DataLoss("rebuilt ", countries.size(), " scopes from ", events, " events");
  }
  return static_cast<double>(events) / seconds;
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> Rebuild(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, YearCopy(context));
  ASSIGN_OR_RETURN(const ServerLog opened, OpenServerLog(dir));
  ASSIGN_OR_RETURN(const std::string file, context.Fresh("lines.sqlite"));
  ASSIGN_OR_RETURN(const auto sqlite, PlainSqlite::Open(file));
  RETURN_IF_ERROR(FillTable(*opened.log, *sqlite));
  std::vector<Pair> pairs;
  for (int i = 0; i < kPairs; ++i) {
    Pair pair;
    ASSIGN_OR_RETURN(const std::string views, context.Fresh("rebuilt-views"));
    ASSIGN_OR_RETURN(pair.ours, FoldAll(*opened.log, views));
    ASSIGN_OR_RETURN(pair.beside, GroupAll(*sqlite));
    pairs.push_back(pair);
  }
  BenchRow row;
  row.name = "rebuild";
  row.unit = "events/s";
  row.durability = "all rows, digests and checkpoints synced at the end";
  row.beside_name = "SQLite, eight GROUP BYs from an event table";
  row.target = 1;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
