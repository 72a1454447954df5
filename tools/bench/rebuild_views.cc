// rebuild_1 and rebuild_2: each view alone from the server's log, with one worker and with two.
#include <condition_variable>
#include <mutex>
#include <optional>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"
#include "projections/engine/rebuild.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"
#include "tools/bench/benches.h"
#include "tools/bench/lines_table.h"
#include "tools/bench/order_stream.h"
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

// Events a second.
absl::StatusOr<double> RebuildView(const EventLog& log,
                                   const std::shared_ptr<const Projection>& projection, int workers,
                                   const std::string& dir) {
  StoreOptions store_options;
  store_options.role = "server-views";
  ASSIGN_OR_RETURN(const auto store, Store::Open(dir, store_options));
  OpenProjection build{projection, projection->info(), nullptr, /*build=*/1};
  ASSIGN_OR_RETURN(build.prototype, RowAccess::Prototype(build.info));
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
  return static_cast<double>(kYearLines) / seconds;
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

}  // namespace

absl::StatusOr<std::vector<BenchRow>> RebuildViews(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, YearCopy(context));
  ASSIGN_OR_RETURN(const ServerLog opened, OpenServerLog(dir));
  ASSIGN_OR_RETURN(const std::string file, context.Fresh("views.sqlite"));
  ASSIGN_OR_RETURN(const auto sqlite, PlainSqlite::Open(file));
  RETURN_IF_ERROR(FillLines(*opened.log, *sqlite));
  std::vector<BenchRow> rows;
  for (const auto& projection : CommerceViews()) {
    for (const ViewQuery& query : ViewQueries()) {
      if (query.view != projection->info().name) continue;
      std::vector<Pair> beside_sqlite, beside_scan, beside_one;
      for (int i = 0; i < kPairs; ++i) {
        ASSIGN_OR_RETURN(const std::string one_dir, context.Fresh("rebuilt-one"));
        ASSIGN_OR_RETURN(const double one, RebuildView(*opened.log, projection, 1, one_dir));
        ASSIGN_OR_RETURN(const double in_sqlite, GroupLines({query}, *sqlite));
        ASSIGN_OR_RETURN(const double scan, ScanRate(*opened.log));
        ASSIGN_OR_RETURN(const std::string two_dir, context.Fresh("rebuilt-two"));
        ASSIGN_OR_RETURN(const double two, RebuildView(*opened.log, projection, 2, two_dir));
        beside_sqlite.push_back({one, in_sqlite});
        beside_scan.push_back({one, scan});
        beside_one.push_back({two, one});
      }
      rows.push_back(Row(Cat("rebuild_1 ", query.view), "SQLite, the same GROUP BY", 5));
      FillFromPairs(beside_sqlite, rows.back());
      rows.push_back(Row(Cat("rebuild_1 ", query.view), "log_scan", 0.2));
      FillFromPairs(beside_scan, rows.back());
      rows.push_back(Row(Cat("rebuild_2 ", query.view), "one worker", 1.5));
      FillFromPairs(beside_one, rows.back());
    }
  }
  return rows;
}

}  // namespace intentlog::bench
