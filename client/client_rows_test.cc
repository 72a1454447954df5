// Rows of a view in ranges, and as they change.
#include <map>
#include <string>

#include "client/client.h"
#include "client/test_shop.h"
#include "eventlog/runtime/text.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

TEST(ClientRowsTest, AStreamShowsAllRowsAndThenWhatChangesWhenTheAppTakesIt) {
  TestShop shop("stream");
  for (const char* product : {"bread", "milk", "mustard"}) shop.Sell("1", product, 1);
  int ready = 0;
  const auto stream = *shop.client().WatchRows("stock", "m", [&] { ++ready; });
  std::map<std::string, int64_t> shown;
  const auto take = [&](size_t limit) {
    const TakenRows taken = *stream->Take(limit);
    if (taken.begins) shown.clear();
    for (const ShownRow& row : taken.rows) {
      if (row.row) shown[row.key] = row.row->Read<views::StockRow>().on_hand();
      if (!row.row) shown.erase(row.key);
    }
    return taken.more;
  };
  shop.Run();
  EXPECT_EQ(ready, 1);
  EXPECT_TRUE(take(1));
  shop.Sell("1", "milk", 1);  // behind the place where it is
  EXPECT_TRUE(take(1));
  while (take(1)) {
  }
  EXPECT_EQ(shown, (std::map<std::string, int64_t>{{"milk", -2}, {"mustard", -1}}));
  for (int i = 0; i < 5; ++i) shop.Sell("1", "mint", 1);
  shop.Sync();
  EXPECT_EQ(ready, 2);  // once, until something is taken
  shop.server().Append("shop", TestShop::ByOthers("2", "mustard", 1));
  shop.Run();
  while (take(2)) {
  }
  EXPECT_EQ(shown, (std::map<std::string, int64_t>{{"milk", -2}, {"mint", -5}, {"mustard", -2}}));
}

TEST(ClientRowsTest, AStreamOfMoreChangesThanItsLimitBeginsAnew) {
  TestShop shop("stream_limit");
  shop.Sell("1", "milk", 1);
  const auto stream = *shop.client().WatchRows("stock", "", [] {}, {.keys_max = 2});
  EXPECT_TRUE(stream->Take(10)->begins);
  EXPECT_FALSE(stream->Take(10)->begins);
  for (const char* product : {"a", "b", "c"}) shop.Sell("1", product, 1);
  const TakenRows taken = *stream->Take(10);
  EXPECT_TRUE(taken.begins);
  EXPECT_EQ(taken.rows.size(), 4u);
}

TEST(ClientRowsTest, PagesShowPendingWorkInTheOrderOfAnIndex) {
  TestShop shop("pages");
  shop.Sync();
  for (const char* order : {"1", "2", "3"}) {
    commerce::OrderLineAdded line = TestShop::Line(order, "milk", 1);
    line.set_customer_id(order[0] == '2' ? "ann" : "bob");
    ASSERT_TRUE(shop.client().Append(line).ok());
  }
  shop.Run();
  commerce::OrderOpened opened;
  opened.set_order_id("3");
  opened.set_customer_id("ann");
  shop.Cut();
  ASSERT_TRUE(shop.client().Append(opened).ok());
  std::string seen;
  PageWanted wanted;
  wanted.range.index = "customer";
  wanted.rows_max = 1;
  do {
    const RowPage page = *shop.client().Page("orders", wanted);
    for (const MergedRow& row : page.rows) seen += Cat(row.index_key, "/", row.key, " ");
    wanted.after = page.more;
  } while (!wanted.after.empty());
  EXPECT_EQ(seen, "ann/2 ann/3 bob/1 ");
  wanted.rows_max = 9;
  EXPECT_EQ(shop.client().Page("orders", wanted, Client::Reading::kConfirmed)->rows[0].key, "2");
}

}  // namespace
}  // namespace intentlog
