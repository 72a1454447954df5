#include "tools/bench/order_stream.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "eventlog/log/event.h"
#include "proto/event.pb.h"
#include "proto/views.pb.h"
#include "tools/bench/line_rows.h"
#include "tools/bench/stock_stream.h"

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

TEST(StockStreamTest, MovesEachProductOfItsShopOnceInARound) {
  StockStream stream({.seed = 3, .till = 2, .first_product = 1000, .products = 50});
  std::vector<std::string> orders[2];
  for (auto& order : orders) {
    for (int i = 0; i < 50; ++i) order.push_back(stream.Next().product_id());
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_EQ(std::set<std::string>(orders[0].begin(), orders[0].end()).size(), 50u);
  EXPECT_EQ(std::set<std::string>(orders[0].begin(), orders[0].end()),
            std::set<std::string>(orders[1].begin(), orders[1].end()));
}

TEST(StockStreamTest, TwoShopsShareNoProduct) {
  StockStream a({.first_product = 0, .products = 50}), b({.first_product = 50, .products = 50});
  std::set<std::string> products;
  for (int i = 0; i < 50; ++i) products.insert(a.Next().product_id());
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(products.contains(b.Next().product_id()));
}

TEST(LinesViewTest, HasARowForEachLineOfAnOrder) {
  IntentStream stream({.seed = 1, .till = 5, .lines = 100}, "shop-2");
  EventDecoder decoder(ShopSchema());
  KeySink keys;
  std::set<std::string> rows;
  for (int i = 0; i < 100; ++i) {
    const IntentStream::Made made = stream.Next();
    const auto event = decoder.DecodePending(made.bytes);
    ASSERT_TRUE(event.ok());
    keys.Clear();
    LinesView()->Keys(**event, keys);
    ASSERT_EQ(keys.size(), 1u);
    rows.insert(keys[0]);
    Row row;
    ASSERT_TRUE(LinesView()->Apply(**event, keys[0], row).ok());
    EXPECT_EQ(row.Read<views::OrderRow::Line>().product_id(),
              (*event)->As<commerce::OrderLineAdded>()->product_id());
  }
  EXPECT_EQ(rows.size(), 100u);
}

}  // namespace
}  // namespace intentlog::bench
