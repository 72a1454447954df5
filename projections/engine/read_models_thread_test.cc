// Readers in other threads while one thread folds.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_store.h"
#include "projections/engine/read_models.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;

constexpr uint64_t kBatches = 200;

OrderLineAdded Line(const std::string& product) {
  OrderLineAdded line;
  line.set_order_id("7");
  line.set_product_id(product);
  line.set_quantity(1);
  return line;
}

// One unit of milk and one of bread, in one batch, in a scope of its own every time.
void FoldBatch(ReadModels& models, Store& store, uint64_t batch_number) {
  const std::string scope = "shop-" + std::to_string(batch_number % 5);
  StoreBatch batch;
  ASSERT_TRUE(models.Add(MadeEvent(2 * batch_number, scope, Line("milk")).event()).ok());
  ASSERT_TRUE(models.Add(MadeEvent(2 * batch_number + 1, scope, Line("bread")).event()).ok());
  ASSERT_TRUE(models.Finish(scope, Position(2 * batch_number + 1), batch).ok());
  ASSERT_TRUE(store.Commit(batch, Sync::kBuffered).ok());
  models.Committed();
}

// Units of every product, by one scan.
std::vector<int64_t> Units(const ReadModels& models) {
  std::vector<int64_t> units;
  auto cursor = models.Scan("sales_by_product");
  EXPECT_TRUE(cursor.ok());
  for (;;) {
    const auto row = (*cursor)->Next();
    EXPECT_TRUE(row.ok());
    if (!row.ok() || *row == nullptr) return units;
    units.push_back((*row)->row.Read<views::SalesRow>().units());
  }
}

TEST(ReadModelsThreadTest, I4_ReadersSeeWholeBatchesThatOnlyGrow) {
  MadeStore store("threads");
  auto models = ReadModels::Open(*store, CommerceViews()).value();
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      int64_t before = 0;
      while (!done) {
        const std::vector<int64_t> units = Units(*models);
        if (units.empty()) continue;
        ASSERT_EQ(units.size(), 2u);
        ASSERT_EQ(units[0], units[1]);
        ASSERT_GE(units[0], before);
        before = units[0];
        ASSERT_GE((*models->Get("sales_by_product", "milk"))->Read<views::SalesRow>().units(),
                  before);
        ASSERT_TRUE(models->Scopes("stock").ok());
      }
    });
  }
  for (uint64_t batch = 1; batch <= kBatches; ++batch) FoldBatch(*models, *store, batch);
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(Units(*models), (std::vector<int64_t>{kBatches, kBatches}));
}

}  // namespace
}  // namespace intentlog
