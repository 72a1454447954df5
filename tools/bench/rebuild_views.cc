// rebuild_1 and rebuild_2: each view alone from the server's log, with one worker and with two.
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/rebuild.h"
#include "projections/engine/row_keys.h"
#include "projections/views/commerce_views.h"
#include "proto/views.pb.h"
#include "tools/bench/benches.h"
#include "tools/bench/lines_table.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/plain_postgres.h"
#include "tools/bench/plain_sqlite.h"
#include "tools/bench/postgres_server.h"
#include "tools/bench/server_data.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 3;

// Waits for the end of a rebuild that runs on other threads.
class Ended {
 public:
  void Set(absl::Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    status_ = std::move(status);
    changed_.notify_all();
  }
  absl::Status Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return status_.has_value(); });
    return *status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<absl::Status> status_;  // protected by mutex_
};

// Number of keys, and sums as in ViewQuery::sums.
using Sums = std::vector<int64_t>;

Sums SumsOfRow(const std::string& view, std::string_view bytes) {
  const auto parsed = [bytes](auto row) {
    INTENTLOG_CHECK(row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return row;
  };
  if (view == "orders") {
    const auto order = parsed(views::OrderRow());
    return {order.units(), order.total_micros()};
  }
  if (view == "stock") {
    const auto stock = parsed(views::StockRow());
    return {stock.on_hand(), stock.moves()};
  }
  const auto sales = parsed(views::SalesRow());
  return {sales.lines(), sales.units(), sales.revenue_micros()};
}

// Over all scopes.
absl::StatusOr<Sums> SumsOfView(const std::string& view, const Store& store) {
  std::set<std::string, std::less<>> keys;
  Sums sums;
  const auto cursor = store.Scan(Space::kRows);
  for (cursor->Seek(""); cursor->Valid(); cursor->Next()) {
    // Build, scope, NUL, the row's key.
    const size_t scope_end = cursor->key().find('\0', sizeof(BuildId));
    INTENTLOG_CHECK(scope_end != std::string_view::npos);
    if (scope_end == sizeof(BuildId)) continue;  // of an index
    keys.emplace(cursor->key().substr(scope_end + 1));
    const Sums row = SumsOfRow(view, cursor->value());
    sums.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) sums[i] += row[i];
  }
  RETURN_IF_ERROR(cursor->status());
  sums.insert(sums.begin(), static_cast<int64_t>(keys.size()));
  return sums;
}

struct Rebuilt {
  double rate = 0;  // events a second
  Sums sums;
};

absl::StatusOr<Rebuilt> RebuildView(const EventLog& log,
                                    const std::shared_ptr<const Projection>& projection,
                                    int workers, const std::string& dir) {
  StoreOptions store_options;
  store_options.role = "server-views";
  ASSIGN_OR_RETURN(const auto store, Store::Open(dir, store_options));
  ASSIGN_OR_RETURN(const OpenProjection build, OpenOne(projection, /*build=*/1));
  Ended ended;
  std::vector<std::unique_ptr<Executor>> threads;
  std::vector<Executor*> executors;
  for (int i = 0; i < workers; ++i) {
    threads.push_back(MakeThreadExecutor(Cat("rebuild-", i)));
    executors.push_back(threads.back().get());
  }
  intentlog::Rebuild rebuild(
      log, *store, {build}, ShopSchema(), Position(), SystemClock(), executors, {},
      {[](Position, StoreBatch&) {}, [](Position) {},
       [&ended](absl::Status status, Position) { ended.Set(std::move(status)); }});
  const Stopwatch watch;
  executors[0]->Post([&rebuild] { rebuild.Start(); });
  RETURN_IF_ERROR(ended.Wait());
  const double seconds = watch.Seconds();
  threads.clear();
  Rebuilt rebuilt;
  rebuilt.rate = static_cast<double>(kYearLines) / seconds;
  ASSIGN_OR_RETURN(rebuilt.sums, SumsOfView(build.info.name, *store));
  return rebuilt;
}

BenchRow Row(const std::string& name, const std::string& beside, double target) {
  BenchRow row;
  row.name = name;
  row.unit = "events/s";
  row.durability = "rows, digests and checkpoints synced at the end";
  row.beside_name = beside;
  row.target = target;
  return row;
}

// PostgreSQL with the lines in it, or why not.
struct PostgresPeer {
  std::unique_ptr<PostgresServer> server;
  std::unique_ptr<PlainPostgres> connection;  // null: not measured
  std::string name = "PostgreSQL";
  std::string not_measured;
};

absl::Status OpenPostgres(const EventLog& log, const std::string& child_log, PostgresPeer& peer) {
  ASSIGN_OR_RETURN(peer.server, PostgresServer::Start(child_log));
  ASSIGN_OR_RETURN(auto connection, PlainPostgres::Open(peer.server->dir()));
  RETURN_IF_ERROR(FillLines(log, *connection));
  peer.name = connection->name();
  peer.connection = std::move(connection);
  return absl::OkStatus();
}

// All that is measured of one view, in turn.
struct ViewPairs {
  std::vector<Pair> beside_sqlite, beside_postgres, beside_scan, beside_one;
};

// A rate of `peer`, whose rows must be those of the view.
absl::StatusOr<double> GroupRate(const ViewQuery& query, const Sums& sums, SqlPeer& peer) {
  ASSIGN_OR_RETURN(const double rate, GroupLines({query}, peer));
  ASSIGN_OR_RETURN(const Sums grouped, peer.Integers(query.sums));
  if (grouped == sums) return rate;
  return DataLoss(query.view, ": rebuilt ", sums[0], " rows, ", grouped[0],
                  " are grouped, or their sums differ");
}

absl::Status MeasureOnce(BenchContext& context, const EventLog& log,
                         const std::shared_ptr<const Projection>& projection,
                         const ViewQuery& query, SqlPeer& sqlite, SqlPeer* postgres,
                         ViewPairs& pairs) {
  ASSIGN_OR_RETURN(const std::string one_dir, context.Fresh("rebuilt-one"));
  ASSIGN_OR_RETURN(const Rebuilt one, RebuildView(log, projection, 1, one_dir));
  ASSIGN_OR_RETURN(const double in_sqlite, GroupRate(query, one.sums, sqlite));
  double in_postgres = 0;
  if (postgres != nullptr) {
    ASSIGN_OR_RETURN(in_postgres, GroupRate(query, one.sums, *postgres));
  }
  ASSIGN_OR_RETURN(const double scan, ScanRate(log));
  ASSIGN_OR_RETURN(const std::string two_dir, context.Fresh("rebuilt-two"));
  ASSIGN_OR_RETURN(const Rebuilt two, RebuildView(log, projection, 2, two_dir));
  if (two.sums != one.sums) return DataLoss(query.view, ": two workers rebuilt other rows");
  pairs.beside_sqlite.push_back({one.rate, in_sqlite});
  pairs.beside_postgres.push_back({one.rate, in_postgres});
  pairs.beside_scan.push_back({one.rate, scan});
  pairs.beside_one.push_back({two.rate, one.rate});
  return absl::OkStatus();
}

void AddRows(const std::string& view, const ViewPairs& pairs, const PostgresPeer& postgres,
             std::vector<BenchRow>& rows) {
  const auto add = [&](const char* name, const std::string& beside, double target,
                       const std::vector<Pair>& measured) {
    rows.push_back(Row(Cat(name, view), beside, target));
    FillFromPairs(measured, rows.back());
  };
  add("rebuild_1 ", "SQLite, the same GROUP BY", 5, pairs.beside_sqlite);
  add("rebuild_1 ", Cat(postgres.name, ", the same GROUP BY"), 1, pairs.beside_postgres);
  rows.back().not_measured = postgres.not_measured;
  add("rebuild_1 ", "log_scan", 0.2, pairs.beside_scan);
  add("rebuild_2 ", "one worker", 1.5, pairs.beside_one);
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> RebuildViews(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, YearCopy(context));
  ASSIGN_OR_RETURN(const ServerLog opened, OpenServerLog(dir));
  ASSIGN_OR_RETURN(const std::string file, context.Fresh("views.sqlite"));
  ASSIGN_OR_RETURN(const auto sqlite, PlainSqlite::Open(file));
  RETURN_IF_ERROR(FillLines(*opened.log, *sqlite));
  PostgresPeer postgres;
  const absl::Status open = OpenPostgres(*opened.log, context.child_log(), postgres);
  if (!open.ok()) {
    postgres.server.reset();
    postgres.not_measured = MessageOf(open);
    context.Say(Cat("  without PostgreSQL: ", open));
  }
  std::vector<BenchRow> rows;
  for (const auto& projection : CommerceViews()) {
    for (const ViewQuery& query : ViewQueries()) {
      if (query.view != projection->info().name) continue;
      ViewPairs pairs;
      for (int i = 0; i < kPairs; ++i) {
        RETURN_IF_ERROR(MeasureOnce(context, *opened.log, projection, query, *sqlite,
                                    postgres.connection.get(), pairs));
      }
      AddRows(query.view, pairs, postgres, rows);
    }
  }
  return rows;
}

}  // namespace intentlog::bench
