// Priority classes: each is a device log of its own. Here products are of class 2, orders of 0.
#include <string>

#include "client/client.h"
#include "client/test_shop.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class ClassesTest : public testing::Test {
 protected:
  ClassesTest() : shop_("classes_" + Name()) {
    shop_.options().policy.class_of = {{"product", 2}};
    shop_.Restart();
  }
  static std::string Name() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  static commerce::ProductDescribed Product(const std::string& id) {
    commerce::ProductDescribed product;
    product.set_product_id(id);
    product.set_description("full");
    return product;
  }
  Appended Describe(const std::string& id) {
    const auto done = shop_.client().Append(Product(id));
    EXPECT_TRUE(done.ok()) << done.status();
    return done.value_or(Appended());
  }

  TestShop shop_;
};

TEST_F(ClassesTest, EachClassIsALogOfItsOwnMadeAtItsFirstUse) {
  EXPECT_EQ(shop_.client().Status().logs.size(), 1u);
  shop_.Sell("1", "milk", 1);
  EXPECT_EQ(shop_.client().Status().logs.size(), 1u);
  const Appended photo = Describe("milk");
  EXPECT_EQ(photo.priority, 2);
  EXPECT_EQ(photo.count, Count(1));
  EXPECT_EQ(shop_.Sell("1", "milk", 1).count, Count(2));
  const ClientStatus status = shop_.client().Status();
  ASSERT_EQ(status.logs.size(), 2u);
  EXPECT_EQ(status.logs[1].priority, 2);
  EXPECT_NE(status.logs[1].log_id, status.log_id);
  EXPECT_EQ(status.logs[1].counts.recorded, 1u);
  EXPECT_EQ(status.counts.recorded, 3u);
  EXPECT_EQ(status.counts.pending, 3u);
}

TEST_F(ClassesTest, LowerClassesGoFirst) {
  for (int i = 0; i < 3; ++i) Describe("product-" + std::to_string(i));
  shop_.Sell("1", "milk", 1);
  shop_.Sync();
  EXPECT_EQ(shop_.client().Status().counts.synced, 4u);
  ASSERT_EQ(shop_.server().hello().logs_size(), 2);
  EXPECT_EQ(shop_.server().hello().logs(1).priority_class(), 2u);
  ASSERT_EQ(shop_.server().pushes().size(), 2u);
  EXPECT_EQ(shop_.server().pushes()[0].intents_size(), 1);  // the order
  EXPECT_EQ(shop_.server().pushes()[1].intents_size(), 3);
  EXPECT_EQ(shop_.Stock("milk"), -1);
}

TEST_F(ClassesTest, AClassThatBeginsDuringASessionIsToldToTheServerAtOnce) {
  shop_.Sync();
  EXPECT_EQ(shop_.network().connections(), 1);
  Describe("milk");
  shop_.Run();
  EXPECT_EQ(shop_.network().connections(), 2);
  EXPECT_EQ(shop_.client().Status().counts.synced, 1u);
  EXPECT_EQ(shop_.client().Status().blocked_by.attempts, 0u);
}

TEST_F(ClassesTest, OneWindowHoldsForAllLogs) {
  shop_.server().limits().set_push_window_bytes(600);
  shop_.server().HoldReceipts(true);
  shop_.server().HoldFeed(true);
  for (int i = 0; i < 20; ++i) {
    shop_.Sell("1", "milk", 1);
    Describe("milk");
  }
  shop_.Sync();
  size_t bytes = 0;
  for (const Push& push : shop_.server().pushes()) bytes += push.ByteSizeLong();
  EXPECT_LE(bytes, 600u);
}

TEST_F(ClassesTest, ListFindAndWhyReachAllLogs) {
  const Appended order = shop_.Sell("1", "milk", 1);
  const Appended photo = Describe("milk");
  const auto all = shop_.client().List(Count(1), 10);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[1].place(), (LogPlace{2, Count(1)}));
  EXPECT_EQ(shop_.client().List((*all)[0].next(), 10)->size(), 1u);
  EXPECT_EQ(shop_.client().List(Count(1), 1)->size(), 1u);
  EXPECT_EQ(shop_.client().Find(photo.intent_id)->priority, 2);
  EXPECT_EQ(shop_.client().Find(order.intent_id)->priority, 0);
  EXPECT_EQ(shop_.client().Why(photo.intent_id)->kind, BlockedBy::kSyncStopped);
  EXPECT_EQ(shop_.client().Why(Entity{"product", "milk"})->kind, BlockedBy::kSyncStopped);
}

TEST_F(ClassesTest, AnEntityTypeStaysInTheClassInWhichItWasFirstRecorded) {
  Describe("milk");
  shop_.Sell("1", "milk", 1);
  shop_.options().policy.class_of = {{"product", 1}, {"order", 3}};
  shop_.Restart();
  EXPECT_EQ(Describe("bread").priority, 2);
  EXPECT_EQ(shop_.Sell("2", "milk", 1).priority, 0);
  shop_.options().policy.class_of = {};
  shop_.Restart();
  EXPECT_EQ(Describe("butter").priority, 2);
  EXPECT_EQ(shop_.client().Status().logs.size(), 2u);
}

TEST_F(ClassesTest, ABatchIsOfOneClass) {
  const auto line = TestShop::Line("1", "milk", 1);
  const auto product = Product("milk");
  const std::vector<NewIntent> batch = {{&line, {}, {}}, {&product, {}, {}}};
  const auto done = shop_.client().AppendAll(batch);
  EXPECT_TRUE(absl::IsInvalidArgument(done.status())) << done.status();
  EXPECT_EQ(shop_.client().Status().counts.recorded, 0u);
  shop_.options().policy.class_of = {{"product", 4}};
  EXPECT_TRUE(absl::IsInvalidArgument(Client::Open(shop_.options()).status()));
}

TEST_F(ClassesTest, I21_TheOptimisticViewHoldsAllLogs) {
  shop_.options().policy.class_of = {{"stock", 1}};
  shop_.Restart();
  commerce::StockMoved moved;
  moved.set_product_id("milk");
  moved.set_delta(10);
  ASSERT_TRUE(shop_.client().Append(moved).ok());
  shop_.Sell("1", "milk", 3);
  EXPECT_EQ(shop_.Stock("milk"), 7);
  shop_.server().HoldFeed(true);
  shop_.Sync();
  EXPECT_EQ(shop_.client().Status().counts.synced, 2u);
  EXPECT_EQ(shop_.Stock("milk"), 7);
  shop_.server().HoldFeed(false);
  shop_.Run();
  EXPECT_EQ(shop_.ConfirmedStock("milk"), 7);
  EXPECT_EQ(shop_.Stock("milk"), 7);
}

}  // namespace
}  // namespace intentlog
