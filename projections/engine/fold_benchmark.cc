// How fast the commerce views fold, decoding excluded: a year of a shop's order lines, made up
// here, into a store, at several batch sizes.
//
//   bazel run -c opt //projections/engine:fold_benchmark [-- LINES [KEPT_BYTES [BATCH [SCOPES]]]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/made_event.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

constexpr int kLines = 541'909;
constexpr int kOrders = 25'900;
constexpr int kProducts = 4'070;
constexpr int kCustomers = 4'373;
constexpr int kCountries = 38;
constexpr int kDays = 305;
constexpr int64_t kFirstDayMicros = 1'291'161'600'000'000;  // 2010-12-01
constexpr int64_t kMicrosPerDay = 86'400'000'000;

// A small generator of its own: the same lines in every run.
class Dice {
 public:
  // 0 to n-1; small ones are far more frequent, as popular products are.
  int Skewed(int n) { return static_cast<int>(static_cast<uint64_t>(Even(n)) * Even(n) / n); }
  int Even(int n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int>((state_ >> 33) % n);
  }

 private:
  uint64_t state_ = 42;
};

size_t OrderOf(size_t line) { return line * kOrders / kLines; }

std::vector<commerce::OrderLineAdded> MakeLines(int count) {
  Dice dice;
  std::vector<commerce::OrderLineAdded> lines(count);
  for (int i = 0; i < count; ++i) {
    const int order = static_cast<int>(OrderOf(i));
    commerce::OrderLineAdded& line = lines[i];
    line.set_order_id(std::to_string(536365 + order));
    const int product = dice.Skewed(kProducts);
    line.set_product_id(Cat(20000 + product, product % 3 == 0 ? "A" : ""));
    line.set_description(Cat("SMALL POPCORN HOLDER NUMBER ", product));
    line.set_quantity(1 + dice.Even(24));
    line.set_unit_price_micros(10'000 * (10 + product % 900));
    line.set_sold_at_us(kFirstDayMicros +
                        order * static_cast<int64_t>(kDays) / kOrders * kMicrosPerDay +
                        order % 1000 * 30'000'000);
    line.set_customer_id(std::to_string(12346 + order * 7919 % kCustomers));
    line.set_country(Cat("Country ", order % 10 != 0 ? 0 : order % kCountries));
  }
  return lines;
}

// Processor seconds of this thread: what other programs take from the machine does not count.
double Now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Times {
  double fold = 0;
  double finish = 0;
  double commit = 0;
};

// Folds all lines, `batch_size` events a commit, each order in one of `scopes`; seconds by
// phase.
Times FoldAll(const std::vector<commerce::OrderLineAdded>& lines, size_t batch_size, size_t scopes,
              const ReadModelsOptions& options) {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / "intentlog_fold_benchmark";
  std::filesystem::remove_all(dir);
  StoreOptions store_options;
  store_options.role = "server-views";
  store_options.write_buffer_bytes = 4 << 20;
  auto store = Store::Open(dir.string(), store_options);
  INTENTLOG_CHECK(store.ok());
  auto models = ReadModels::Open(**store, CommerceViews(), options);
  INTENTLOG_CHECK(models.ok());
  const MadeEvent made(1, "shop", lines[0]);
  Event event = made.event();
  std::vector<std::string> names(scopes);
  for (size_t i = 0; i < scopes; ++i) names[i] = Cat("shop-", i);
  std::set<std::string_view> changed;
  StoreBatch batch;
  Times times;
  for (size_t i = 0; i < lines.size();) {
    double start = Now();
    for (const size_t end = std::min(lines.size(), i + batch_size); i < end; ++i) {
      event.position = Position(i + 1);
      event.payload = &lines[i];
      event.scope = names[OrderOf(i) % scopes];
      changed.insert(event.scope);
      INTENTLOG_CHECK((*models)->Add(event).ok());
    }
    times.fold += Now() - start;
    start = Now();
    for (const std::string_view scope : changed) {
      INTENTLOG_CHECK((*models)->Finish(scope, Position(i), batch).ok());
    }
    changed.clear();
    times.finish += Now() - start;
    start = Now();
    INTENTLOG_CHECK((*store)->Commit(batch, Sync::kBuffered).ok());
    (*models)->Committed();
    batch.Clear();
    times.commit += Now() - start;
  }
  models->reset();
  store->reset();
  std::filesystem::remove_all(dir);
  return times;
}

}  // namespace
}  // namespace intentlog

int main(int argc, char** argv) {
  using namespace intentlog;
  const int count = argc > 1 ? std::atoi(argv[1]) : kLines;
  ReadModelsOptions options;
  if (argc > 2) options.kept_rows_bytes_max = std::strtoull(argv[2], nullptr, 10);
  const auto lines = MakeLines(count);
  std::printf("%d order lines into the commerce views\n%8s %12s %8s %8s %8s\n", count, "batch",
              "events/s", "fold s", "finish s", "commit s");
  const size_t scopes = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;
  std::vector<size_t> batch_sizes = {100, 500, 2000, 4000, 16000};
  if (argc > 3) batch_sizes = {static_cast<size_t>(std::strtoull(argv[3], nullptr, 10))};
  for (const size_t batch_size : batch_sizes) {
    const Times times = FoldAll(lines, batch_size, scopes, options);
    std::printf("%8zu %12.0f %8.2f %8.2f %8.2f\n", batch_size,
                count / (times.fold + times.finish + times.commit), times.fold, times.finish,
                times.commit);
  }
  return 0;
}
