// Read models of a store that takes nothing more.
#include <string>

#include "eventlog/runtime/text.h"
#include "eventlog/store/memory_disk.h"
#include "gtest/gtest.h"
#include "projections/engine/made_event.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_keys.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using views::SalesRow;

commerce::OrderLineAdded Line() {
  commerce::OrderLineAdded line;
  line.set_order_id("1");
  line.set_product_id("milk");
  line.set_quantity(3);
  line.set_unit_price_micros(1000);
  return line;
}

TEST(ReadModelsOfAFailedStoreTest, ShowWhatTheyShowed) {
  MemoryDisk disk;
  StoreOptions options;
  options.memory = &disk;
  options.role = "device";
  const auto store = Store::Open("failing", options);
  ASSERT_TRUE(store.ok());
  const auto models = ReadModels::Open(**store, CommerceViews(), {});
  ASSERT_TRUE(models.ok());
  const auto commit = [&](StoreBatch& batch) { return (*store)->Commit(batch, Sync::kBuffered); };
  const auto fold = [&](uint64_t position) {
    StoreBatch batch;
    const MadeEvent made(position, "shop", Line());
    EXPECT_TRUE((*models)->Add(made.event()).ok());
    EXPECT_TRUE((*models)->Finish("shop", Position(position), batch).ok());
    return commit(batch);
  };
  const auto units = [&] {
    const auto row = (*models)->Get("sales_by_product", "milk");
    return row.ok() && row->has_value() ? (**row).Read<SalesRow>().units() : -999;
  };
  ASSERT_TRUE(fold(1).ok());
  (*models)->Committed();
  SalesRow other;
  other.set_units(100);
  StoreBatch replaced;
  const std::string prefix = RowPrefix(*(*models)->LiveBuild("sales_by_product"), "shop");
  replaced.Put(Space::kRows, Cat(prefix, "milk"), other.SerializeAsString());
  ASSERT_TRUE(commit(replaced).ok());
  EXPECT_EQ(units(), 3);
  disk.OnWrite([](const std::string&, Sync) { return WriteFate::kFails; });
  EXPECT_FALSE(fold(2).ok());
  EXPECT_FALSE((*store)->failed().ok());
  (*models)->Abandon();
  EXPECT_EQ(units(), 3);
  EXPECT_EQ((*models)->Scopes("sales_by_product")->front().position, Position(1));
}

}  // namespace
}  // namespace intentlog
