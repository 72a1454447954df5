#include "tools/bench/order_stream.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "proto/event.pb.h"

namespace intentlog::bench {
namespace {

TEST(OrderStreamTest, SameSeedGivesTheSameLines) {
  OrderStream a({.seed = 7, .till = 3, .lines = 1000});
  OrderStream b({.seed = 7, .till = 3, .lines = 1000});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(a.Next().SerializeAsString(), b.Next().SerializeAsString());
  }
}

TEST(OrderStreamTest, IsShapedLikeAShop) {
  OrderStream stream({.seed = 1, .till = 0, .lines = 500000});
  std::set<std::string> orders, products, countries;
  std::set<int64_t> days;
  for (int i = 0; i < 500000; ++i) {
    const commerce::OrderLineAdded& line = stream.Next();
    orders.insert(line.order_id());
    products.insert(line.product_id());
    countries.insert(line.country());
    days.insert(line.sold_at_us() / 86400000000);
  }
  EXPECT_GT(orders.size(), 22000u);
  EXPECT_LT(orders.size(), 27000u);
  EXPECT_GT(products.size(), 4000u);
  EXPECT_LE(products.size(), 4070u);
  EXPECT_EQ(countries.size(), 38u);
  EXPECT_EQ(days.size(), 305u);
}

TEST(OrderStreamTest, TwoTillsShareNoOrder) {
  OrderStream a({.seed = 1, .till = 1}), b({.seed = 1, .till = 2});
  std::set<std::string> orders;
  for (int i = 0; i < 1000; ++i) orders.insert(a.Next().order_id());
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(orders.contains(b.Next().order_id()));
}

TEST(OrderStreamTest, IntentsHoldTheLine) {
  IntentStream stream({.seed = 1, .till = 5, .lines = 10}, "shop-2");
  const IntentStream::Made made = stream.Next();
  Intent intent;
  ASSERT_TRUE(intent.ParseFromString(made.bytes));
  EXPECT_EQ(intent.intent_id(), made.id.bytes());
  EXPECT_EQ(intent.scope(), "shop-2");
  commerce::OrderLineAdded line;
  ASSERT_TRUE(line.ParseFromString(intent.payload()));
  EXPECT_EQ(intent.entity_id(), line.order_id());
}

}  // namespace
}  // namespace intentlog::bench
