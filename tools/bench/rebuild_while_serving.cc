// rebuild_while_serving: all views of a real server rebuilt beside the live ones, and flipped,
// while devices push and queries run. In the end every build has the rows that the order lines come
// to.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "client/wire/admin_client.h"
#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"
#include "projections/engine/compare.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_merger.h"
#include "projections/engine/view_records.h"
#include "projections/views/commerce_views.h"
#include "server/options.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/load_fleet.h"
#include "tools/bench/order_data.h"
#include "tools/bench/query_load.h"
#include "tools/bench/server_data.h"
#include "tools/bench/stopwatch.h"
#include "tools/demo_story/view_dump.h"

namespace intentlog::bench {
namespace {

constexpr int kLoadFrames = 8;
constexpr int kMarketTills = 4;
constexpr int kMarketIntents = 25;  // of each till, every kMarketRest
constexpr std::chrono::milliseconds kMarketRest(50);
constexpr std::chrono::milliseconds kLook(10);
constexpr size_t kNormalQueries = 3000;  // 30 of them are above p99; fewer for fewer lines
constexpr size_t kNormalQueriesMin = 500;
constexpr int kFlips = 100;
constexpr uint32_t kWorkers = 2;
constexpr double kRebuildPatienceSeconds = 120;

// Tills that sell in scopes of their own, in the background.
class Market {
 public:
  static absl::StatusOr<std::unique_ptr<Market>> Open(const std::string& address) {
    LoadFleetOptions options;
    options.address = address;
    options.tills = kMarketTills;
    options.shops = 2;
    options.scope_prefix = "market-";
    options.name_prefix = "stall-";
    options.intents_per_frame = kMarketIntents;
    ASSIGN_OR_RETURN(auto fleet, LoadFleet::Connect(options));
    return std::unique_ptr<Market>(new Market(std::move(fleet)));
  }
  ~Market() { Close().IgnoreError(); }

  // How many intents were pushed and receipted.
  absl::StatusOr<uint64_t> Close() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
    RETURN_IF_ERROR(failure_);
    return sold_;
  }

 private:
  explicit Market(std::unique_ptr<LoadFleet> fleet) : fleet_(std::move(fleet)) {
    thread_ = std::thread([this] {
      while (!ending_ && failure_.ok()) {
        fleet_->Prepare(1);
        failure_ = fleet_->Push();
        sold_ += kMarketTills * kMarketIntents;
        std::this_thread::sleep_for(kMarketRest);
      }
    });
  }

  const std::unique_ptr<LoadFleet> fleet_;
  std::atomic<bool> ending_{false};
  uint64_t sold_ = 0;     // of the thread, until it is joined
  absl::Status failure_;  // likewise
  std::thread thread_;
};

// What is asked of the server's views.
class Operator {
 public:
  explicit Operator(const std::string& address) : admin_({.address = address}) {}

  absl::StatusOr<OperateViewReply> Ask(const std::string& view, ViewAction action) const {
    OperateViewRequest request;
    request.set_tenant("default");
    request.set_view(view);
    request.set_action(action);
    request.set_workers(kWorkers);
    return admin_.OperateView(request);
  }
  // Events that were folded into the shadow.
  absl::StatusOr<uint64_t> Rebuild(const std::string& view) const {
    RETURN_IF_ERROR(Ask(view, REBUILD_VIEW).status());
    const Stopwatch watch;
    while (watch.Seconds() < kRebuildPatienceSeconds) {
      ASSIGN_OR_RETURN(const OperateViewReply reply, Ask(view, VIEW_ACTION_UNSPECIFIED));
      if (!reply.failure().empty()) return Unavailable(view, ": ", reply.failure());
      if (reply.record().shadow_follows() && !reply.rebuilding()) return reply.through();
      std::this_thread::sleep_for(kLook);
    }
    return Unavailable(view, " is not rebuilt after ", kRebuildPatienceSeconds, " s");
  }
  absl::Status ExpectEqual(const std::string& view) const {
    ASSIGN_OR_RETURN(const OperateViewReply reply, Ask(view, COMPARE_VIEW));
    if (reply.equal()) return absl::OkStatus();
    return DataLoss("the rebuilt ", view, " differs from the live one: ",
                    reply.differences().empty() ? "" : reply.differences(0).ShortDebugString());
  }

 private:
  const AdminClient admin_;
};

std::vector<std::string> ViewNames() {
  std::vector<std::string> names;
  for (const auto& view : CommerceViews()) names.push_back(view->info().name);
  return names;
}

// Events a second that are folded into one view after another.
absl::StatusOr<double> RebuildAll(const Operator& views) {
  uint64_t events = 0;
  const Stopwatch watch;
  for (const std::string& view : ViewNames()) {
    ASSIGN_OR_RETURN(const uint64_t folded, views.Rebuild(view));
    events += folded;
  }
  return static_cast<double>(events) / watch.Seconds();
}

// Seconds of each flip.
absl::StatusOr<std::vector<double>> FlipAll(const Operator& views) {
  const std::vector<std::string> names = ViewNames();
  std::vector<double> seconds;
  for (size_t i = 0; i < kFlips; ++i) {
    const Stopwatch watch;
    const ViewAction action = i < names.size() ? ACTIVATE_VIEW : ROLL_BACK_VIEW;
    RETURN_IF_ERROR(views.Ask(names[i % names.size()], action).status());
    seconds.push_back(watch.Seconds());
  }
  return seconds;
}

absl::Status LoadOrders(const std::shared_ptr<const OrderData>& data, const std::string& address) {
  LoadFleetOptions options;
  options.address = address;
  options.tills = kOrderShops;
  options.shops = kOrderShops;
  options.intents_per_frame = kYearLinesPerFrame;
  options.frames_in_flight = 4;
  options.lines = [data](int till) { return LinesOf(data, till); };
  ASSIGN_OR_RETURN(const auto fleet, LoadFleet::Connect(options));
  while (fleet->Prepare(kLoadFrames) > 0) RETURN_IF_ERROR(fleet->Push());
  return WaitUntilFolded(address);
}

// Rows that must be there, of views of one row for each of different numbers of lines.
std::vector<QueryLoad::Key> KeysOf(const OrderData& data) {
  constexpr size_t kLines = 500;
  std::vector<QueryLoad::Key> keys;
  for (int shop = 0; shop < kOrderShops; ++shop) {
    const auto& lines = data.lines[static_cast<size_t>(shop)];
    const size_t step = std::max<size_t>(1, lines.size() / kLines);
    for (size_t i = 0; i < lines.size(); i += step) {
      commerce::OrderLineAdded line;
      INTENTLOG_CHECK(line.ParseFromString(lines[i]));
      keys.push_back({"orders", line.order_id()});
      keys.push_back({"stock", line.product_id()});
      keys.push_back({"sales_by_product", line.product_id()});
      keys.push_back({"sales_by_customer", line.customer_id()});
      keys.push_back({"sales_by_country", line.country()});
    }
  }
  return keys;
}

// ---- what came of it

// Rows of the shops alone, without those of the market.
absl::StatusOr<ViewDump> DumpShops(const Store& store,
                                   const std::shared_ptr<const Projection>& projection,
                                   BuildId build) {
  ASSIGN_OR_RETURN(const OpenProjection open, OpenOne(projection, build));
  std::vector<std::string> scopes;
  for (int shop = 1; shop <= kOrderShops; ++shop) scopes.push_back(Cat("shop-", shop));
  RowMerger rows(open, store.Snapshot(), scopes, KeyBounds());
  return DumpRows(*projection, rows);
}

absl::Status CheckGolden(const OrderData& data, const SalesDumps& dumps) {
  for (const std::string_view view : kSalesViews) {
    if (dumps.find(view)->second.rows == data.tally.View(view)) continue;
    return DataLoss(view, " is not what the order lines come to");
  }
  if (!data.golden) return absl::OkStatus();
  for (const Comparison& one : data.golden->Compare(dumps, data.file->figures)) {
    if (one.equal) continue;
    return DataLoss("golden ", one.figure, " is ", one.golden, ", not ", one.computed);
  }
  return absl::OkStatus();
}

// Of a server that has ended: its live builds, what was live before, and shadows.
absl::Status CheckBuilds(const OrderData& data, const std::string& dir) {
  StoreOptions options;
  options.role = "server-views";
  options.create_if_missing = false;
  ASSIGN_OR_RETURN(const auto store, Store::Open(ServerViewsDir(dir, "default"), options));
  SalesDumps live, previous, shadow;
  for (const auto& projection : CommerceViews()) {
    const std::string view = projection->info().name;
    ASSIGN_OR_RETURN(const std::optional<ViewRecord> record, ReadViewRecord(*store, view));
    if (!record || !record->has_previous() || !record->has_shadow()) {
      return DataLoss("view ", view, " lacks a build");
    }
    for (const BuildId other : {record->previous().build(), record->shadow().build()}) {
      ASSIGN_OR_RETURN(const BuildComparison found,
                       CompareBuilds(*store->Snapshot(), record->build(), other, 0));
      if (!found.equal) return DataLoss("builds of view ", view, " differ in the end");
    }
    if (std::find(kSalesViews.begin(), kSalesViews.end(), view) == kSalesViews.end()) continue;
    const auto dump = [&](BuildId build, SalesDumps& dumps) -> absl::Status {
      ASSIGN_OR_RETURN(ViewDump found, DumpShops(*store, projection, build));
      dumps[view] = {std::move(found.sales), found.sha256};
      return absl::OkStatus();
    };
    RETURN_IF_ERROR(dump(record->build(), live));
    RETURN_IF_ERROR(dump(record->previous().build(), previous));
    RETURN_IF_ERROR(dump(record->shadow().build(), shadow));
  }
  RETURN_IF_ERROR(CheckGolden(data, live));
  RETURN_IF_ERROR(CheckGolden(data, previous));
  return CheckGolden(data, shadow);
}

// Seconds of queries and flips, and rates, by what went on.
struct Measured {
  std::vector<double> normal, rebuilding, flipping, flips;
  double rate = 0, quiet_rate = 0;
  uint64_t sold = 0;
};

BenchRow Row(const std::string& name, double value, double beside, const std::string& beside_name,
             const std::string& unit) {
  BenchRow row;
  row.name = name;
  row.unit = unit;
  row.durability = "of ingest: fdatasync of the server's log before each receipt";
  row.beside_name = beside_name;
  FillFromPairs({{value, beside}}, row);
  return row;
}

std::vector<BenchRow> RowsOf(const Measured& measured) {
  constexpr double kMicros = 1e6;
  const double normal = Quantile(measured.normal, 0.99) * kMicros;
  const auto of_queries = [&](const std::string& name, const std::vector<double>& seconds,
                              double q) {
    return Row(name, Quantile(seconds, q) * kMicros, normal,
               "p99 of a row query while devices push", "µs");
  };
  return {
      of_queries("query_slowest_normal", measured.normal, 1),
      of_queries("query_p99_rebuilding", measured.rebuilding, 0.99),
      of_queries("query_slowest_rebuilding", measured.rebuilding, 1),
      of_queries("query_p99_flipping", measured.flipping, 0.99),
      of_queries("query_slowest_flipping", measured.flipping, 1),
      Row("flip_median", Quantile(measured.flips, 0.5) * kMicros,
          Quantile(measured.flips, 1) * kMicros, "the slowest of 100", "µs"),
      Row("rebuild_serving", measured.rate, measured.quiet_rate, "the same while nothing goes on",
          "events/s"),
  };
}

absl::Status Measure(const OrderData& data, const std::string& address, Measured& measured) {
  const Operator views(address);
  QueryLoad queries(address, KeysOf(data));
  ASSIGN_OR_RETURN(const auto market, Market::Open(address));
  const size_t normal = std::clamp<size_t>(data.count, kNormalQueriesMin, kNormalQueries);
  RETURN_IF_ERROR(queries.WaitFor(normal / 10));  // warm-up
  RETURN_IF_ERROR(queries.Take().status());
  RETURN_IF_ERROR(queries.WaitFor(normal));
  ASSIGN_OR_RETURN(measured.normal, queries.Take());
  ASSIGN_OR_RETURN(measured.rate, RebuildAll(views));
  ASSIGN_OR_RETURN(measured.rebuilding, queries.Take());
  for (const std::string& view : ViewNames()) RETURN_IF_ERROR(views.ExpectEqual(view));
  RETURN_IF_ERROR(queries.Take().status());
  ASSIGN_OR_RETURN(measured.flips, FlipAll(views));
  ASSIGN_OR_RETURN(measured.flipping, queries.Take());
  ASSIGN_OR_RETURN(measured.sold, market->Close());
  return WaitUntilFolded(address);
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> RebuildWhileServing(BenchContext& context) {
  ASSIGN_OR_RETURN(const auto data, LoadOrderData(context.data_file()));
  context.Say(Cat("  ", data->what));
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("serving"));
  ASSIGN_OR_RETURN(Served served, Serve(dir, context.child_log()));
  RETURN_IF_ERROR(LoadOrders(data, served.address));
  Measured measured;
  RETURN_IF_ERROR(Measure(*data, served.address, measured));
  {
    const Operator views(served.address);
    ASSIGN_OR_RETURN(measured.quiet_rate, RebuildAll(views));
    for (const std::string& view : ViewNames()) RETURN_IF_ERROR(views.ExpectEqual(view));
  }
  RETURN_IF_ERROR(served.process->Stop());
  RETURN_IF_ERROR(CheckBuilds(*data, dir));
  context.Say(Cat("  ", measured.sold, " intents pushed and ", measured.normal.size(), " + ",
                  measured.rebuilding.size(), " + ", measured.flipping.size(),
                  " rows queried meanwhile; all builds are equal, and what the lines come to",
                  data->golden ? " and the golden figures say" : ""));
  return RowsOf(measured);
}

}  // namespace intentlog::bench
