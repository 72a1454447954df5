// What each event does to the rows of the commerce views.
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "projections/engine/fingerprint.h"
#include "projections/engine/made_event.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"
#include "projections/views/shop_view.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::GoodsReturned;
using commerce::OrderCancelled;
using commerce::OrderLineAdded;
using commerce::OrderOpened;
using commerce::PriceSet;
using commerce::StockCounted;
using commerce::StockMoved;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using views::OrderRow;
using views::SalesRow;
using views::StockRow;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMoment = 1'291'191'960'000'000;  // 2010-12-01 08:26

OrderLineAdded Line(int64_t quantity, int64_t price_micros, const std::string& product = "milk") {
  OrderLineAdded line;
  line.set_order_id("7");
  line.set_product_id(product);
  line.set_description("whole");
  line.set_quantity(quantity);
  line.set_unit_price_micros(price_micros);
  line.set_sold_at_us(kMoment);
  line.set_customer_id("ann");
  line.set_country("EIRE");
  return line;
}

GoodsReturned Return(int64_t quantity, int64_t refund_micros) {
  GoodsReturned returned;
  returned.set_order_id("7");
  returned.set_product_id("milk");
  returned.set_quantity(quantity);
  returned.set_refund_micros(refund_micros);
  return returned;
}

// What each view's code gives over the golden log. Where a line of this changes, equal events give
// other rows: the view gets a new version, and devices of the old one compare no digests with it.
const std::map<std::string, std::string> kFingerprints = {
    {"orders 2", "1ff672ee35806e3e55cb1e1306d06b56"},
    {"sales_by_invoice 1", "e24ad7ca54566a516202fcac6b8447bd"},
    {"sales_by_day 1", "7a58dcd5b4e86d33eac07ac010c16c3c"},
    {"sales_by_month 1", "45ce4cf835e2c466930f4ed872d90eb9"},
    {"sales_by_customer 1", "bccc3e3ef58eabab2a389ffdd5e7b419"},
    {"sales_by_product 1", "c151af61b8e04392a76f56be446926fa"},
    {"sales_by_country 1", "a69d2234b7c9f3b6ee29c34440f3f2a9"},
    {"stock 2", "a52956a6bc9d90334c1b2fc80ae8e2ab"},
    {"conflicts 1", "030af438e6d808307fdff891f17d9312"},
};

TEST(FingerprintTest, AViewsCodeIsKnownByWhatItGivesOnEveryMachine) {
  for (const auto& view : CommerceViews()) {
    const ProjectionInfo info = view->info();
    const std::string name = Cat(info.name, " ", info.version);
    const auto known = kFingerprints.find(name);
    EXPECT_EQ(known == kFingerprints.end() ? "" : known->second, Hex(view->fingerprint())) << name;
    EXPECT_EQ(FingerprintOf(*view, ShopGoldenLog), view->fingerprint()) << name;
  }
  std::set<std::string> different;
  for (const auto& [name, fingerprint] : kFingerprints) different.insert(fingerprint);
  EXPECT_EQ(different.size(), CommerceViews().size());
}

// Stock as before, but for one event of the golden log.
class SlightlyOther final : public Projection {
 public:
  explicit SlightlyOther(const Projection& stock) : stock_(stock) {}
  ProjectionInfo info() const override { return stock_.info(); }
  void Keys(const Event& event, KeySink& keys) const override { stock_.Keys(event, keys); }
  absl::Status Apply(const Event& event, std::string_view key, Row& row) const override {
    const auto* const counted = event.As<StockCounted>();
    if (counted != nullptr && counted->on_hand() == 43) return absl::OkStatus();
    return stock_.Apply(event, key, row);
  }
  std::vector<std::string> Columns() const override { return {}; }
  absl::Status Print(const Row&, std::vector<std::string>&) const override {
    return absl::OkStatus();
  }

 private:
  const Projection& stock_;
};

TEST(FingerprintTest, AChangedFoldHasAnotherAndOneOutsideTheShopHasNone) {
  for (const auto& view : CommerceViews()) {
    if (view->info().name != "stock") continue;
    const SlightlyOther other(*view);
    EXPECT_NE(FingerprintOf(other, ShopGoldenLog), view->fingerprint());
    EXPECT_EQ(other.fingerprint(), "");
  }
}

class ViewsTest : public ::testing::Test {
 protected:
  const Projection& View(const std::string& name) {
    for (const auto& projection : views_) {
      if (projection->info().name == name) return *projection;
    }
    ADD_FAILURE() << name;
    return *views_[0];
  }
  std::vector<std::string> Keys(const std::string& view, const google::protobuf::Message& payload) {
    KeySink sink;
    View(view).Keys(MadeEvent(1, "shop", payload).event(), sink);
    std::vector<std::string> keys;
    for (size_t i = 0; i < sink.size(); ++i) keys.push_back(sink[i]);
    return keys;
  }
  // Applies to the one row that the event touches in that view.
  absl::Status Apply(const std::string& view, const google::protobuf::Message& payload) {
    const MadeEvent made(1, "shop", payload);
    KeySink keys;
    View(view).Keys(made.event(), keys);
    if (keys.size() != 1) return absl::InternalError("not one key");
    return View(view).Apply(made.event(), keys[0], rows_[view]);
  }
  const OrderRow& Order() { return rows_["orders"].Read<OrderRow>(); }
  const StockRow& Stock() { return rows_["stock"].Read<StockRow>(); }
  const SalesRow& Sales() { return rows_["sales_by_day"].Read<SalesRow>(); }
  std::vector<std::string> Printed(const std::string& view) {
    std::vector<std::string> columns;
    EXPECT_TRUE(View(view).Print(rows_[view], columns).ok());
    EXPECT_EQ(columns.size(), View(view).Columns().size());
    return columns;
  }

  Projections views_ = CommerceViews();
  std::map<std::string, Row> rows_;  // by view
};

TEST_F(ViewsTest, ALineCountsUnderItsPropertiesInTheSalesViews) {
  EXPECT_THAT(Keys("sales_by_invoice", Line(1, 1)), ElementsAre("7"));
  EXPECT_THAT(Keys("sales_by_product", Line(1, 1)), ElementsAre("milk"));
  EXPECT_THAT(Keys("sales_by_customer", Line(1, 1)), ElementsAre("ann"));
  EXPECT_THAT(Keys("sales_by_country", Line(1, 1)), ElementsAre("EIRE"));
  EXPECT_THAT(Keys("sales_by_month", Line(1, 1)), ElementsAre("2010-12"));
  EXPECT_THAT(Keys("sales_by_day", Line(1, 1)), ElementsAre("2010-12-01"));
  EXPECT_THAT(Keys("sales_by_customer", OrderLineAdded()), ElementsAre(""));
}

TEST_F(ViewsTest, OnlyLinesCountAsSales) {
  for (const auto& view : views_) {
    const std::string name = view->info().name;
    if (name.substr(0, 5) != "sales") continue;
    EXPECT_THAT(Keys(name, Return(1, 1)), ElementsAre());
    EXPECT_THAT(Keys(name, OrderCancelled()), ElementsAre());
    EXPECT_THAT(Keys(name, OrderOpened()), ElementsAre());
    EXPECT_THAT(Keys(name, PriceSet()), ElementsAre());
  }
}

TEST_F(ViewsTest, SalesAreLinesUnitsAndRevenue) {
  ASSERT_TRUE(Apply("sales_by_day", Line(6, 2'550'000)).ok());
  ASSERT_TRUE(Apply("sales_by_day", Line(-1, 2'550'000)).ok());
  ASSERT_TRUE(Apply("sales_by_day", Line(2, 1'000)).ok());
  EXPECT_EQ(Sales().lines(), 3);
  EXPECT_EQ(Sales().units(), 7);
  EXPECT_EQ(Sales().revenue_micros(), 12'752'000);
  EXPECT_THAT(View("sales_by_day").Columns(), ElementsAre("lines", "units", "revenue_mills"));
  EXPECT_THAT(Printed("sales_by_day"), ElementsAre("3", "7", "12752"));
}

TEST_F(ViewsTest, NegativeRevenueIsPrintedAsItIs) {
  ASSERT_TRUE(Apply("sales_by_day", Line(-1, 11'062'060'000)).ok());
  EXPECT_THAT(Printed("sales_by_day"), ElementsAre("1", "-1", "-11062060"));
}

TEST_F(ViewsTest, RevenueThatIsNotWholeMillsIsNotPrinted) {
  ASSERT_TRUE(Apply("sales_by_day", Line(1, 1'500)).ok());
  std::vector<std::string> columns;
  const absl::Status status = View("sales_by_day").Print(rows_["sales_by_day"], columns);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("1500 micros is not whole mills"));
}

TEST_F(ViewsTest, ASumThatWouldWrapAroundIsAnErrorAndLeavesTheRow) {
  ASSERT_TRUE(Apply("sales_by_day", Line(kMax, 1)).ok());
  const std::string before = RowBytes(rows_["sales_by_day"]);
  for (const OrderLineAdded& line : {Line(1, 0), Line(kMax, 2), Line(-1, -1), Line(3, kMax / 2)}) {
    const absl::Status status = Apply("sales_by_day", line);
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(RowBytes(rows_["sales_by_day"]), before);
  }
  EXPECT_THAT(std::string(Apply("sales_by_day", Line(1, 0)).message()), HasSubstr("field units"));
  EXPECT_THAT(std::string(Apply("sales_by_day", Line(kMax, 2)).message()),
              HasSubstr("field revenue_micros"));

  ASSERT_TRUE(Apply("orders", Line(kMax, 1)).ok());
  const std::string order = RowBytes(rows_["orders"]);
  EXPECT_EQ(Apply("orders", Line(1, 1)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Apply("orders", Return(INT64_MIN, 0)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(RowBytes(rows_["orders"]), order);

  ASSERT_TRUE(Apply("stock", Line(kMax, 1)).ok());
  const std::string stock = RowBytes(rows_["stock"]);
  EXPECT_EQ(Apply("stock", Line(2, 1)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(RowBytes(rows_["stock"]), stock);
}

TEST_F(ViewsTest, AnOrderHasItsLinesInLogOrder) {
  ASSERT_TRUE(Apply("orders", Line(2, 1'500'000)).ok());
  ASSERT_TRUE(Apply("orders", Line(1, 500'000, "bread")).ok());
  EXPECT_EQ(Order().customer_id(), "ann");
  EXPECT_EQ(Order().opened_at_us(), kMoment);
  EXPECT_EQ(Order().units(), 3);
  EXPECT_EQ(Order().total_micros(), 3'500'000);
  ASSERT_EQ(Order().lines_size(), 2);
  EXPECT_EQ(Order().lines(0).product_id(), "milk");
  EXPECT_EQ(Order().lines(1).product_id(), "bread");
  EXPECT_THAT(Printed("orders"),
              ElementsAre("open", "ann", "EIRE", "1291191960000000", "3", "2", "3500000", "0", ""));
}

TEST_F(ViewsTest, OpeningSetsCustomerCountryAndTimeEvenLate) {
  ASSERT_TRUE(Apply("orders", Line(2, 1'500'000)).ok());
  OrderOpened opened;
  opened.set_order_id("7");
  opened.set_customer_id("bob");
  opened.set_opened_at_us(5);
  ASSERT_TRUE(Apply("orders", opened).ok());
  ASSERT_TRUE(Apply("orders", Line(1, 1)).ok());
  EXPECT_EQ(Order().customer_id(), "bob");
  EXPECT_EQ(Order().country(), "");
  EXPECT_EQ(Order().opened_at_us(), 5);
  EXPECT_EQ(Order().lines_size(), 2);
}

TEST_F(ViewsTest, ReturnsReduceAnOrderAndFillTheStock) {
  ASSERT_TRUE(Apply("orders", Line(3, 1'000'000)).ok());
  ASSERT_TRUE(Apply("orders", Return(1, 900'000)).ok());
  EXPECT_EQ(Order().units(), 2);
  EXPECT_EQ(Order().total_micros(), 2'100'000);
  ASSERT_EQ(Order().returns_size(), 1);
  EXPECT_EQ(Order().returns(0).refund_micros(), 900'000);
  ASSERT_TRUE(Apply("stock", Return(1, 900'000)).ok());
  EXPECT_EQ(Stock().on_hand(), 1);
}

TEST_F(ViewsTest, ACancelledOrderStaysCancelled) {
  OrderCancelled cancelled;
  cancelled.set_order_id("7");
  cancelled.set_reason("too\tlate");
  ASSERT_TRUE(Apply("orders", cancelled).ok());
  ASSERT_TRUE(Apply("orders", Line(1, 1)).ok());
  ASSERT_TRUE(Apply("orders", OrderOpened()).ok());
  EXPECT_EQ(Order().state(), OrderRow::CANCELLED);
  EXPECT_EQ(Printed("orders").back(), "too\tlate");
}

TEST_F(ViewsTest, StockMovesAndIsCounted) {
  StockMoved moved;
  moved.set_delta(10);
  ASSERT_TRUE(Apply("stock", moved).ok());
  ASSERT_TRUE(Apply("stock", Line(3, 1)).ok());
  ASSERT_TRUE(Apply("stock", Line(-1, 1)).ok());
  EXPECT_EQ(Stock().on_hand(), 8);
  StockCounted counted;
  counted.set_on_hand(5);
  counted.mutable_count()->set_at_us(99);
  ASSERT_TRUE(Apply("stock", counted).ok());
  ASSERT_TRUE(Apply("stock", Line(1, 1)).ok());
  EXPECT_THAT(Printed("stock"), ElementsAre("4", "4", "99"));
}

TEST_F(ViewsTest, MergingIsASumInAnyOrder) {
  StockCounted counted;
  counted.set_on_hand(5);
  counted.mutable_count()->set_at_us(99);
  Row a, b;
  const MadeEvent line(1, "east", Line(3, 1'000));
  const MadeEvent count(2, "west", counted);
  ASSERT_TRUE(View("stock").Apply(line.event(), "milk", a).ok());
  ASSERT_TRUE(View("stock").Apply(count.event(), "milk", b).ok());
  Row ab = RowAccess::Copy(a), ba = RowAccess::Copy(b);
  ASSERT_TRUE(View("stock").Merge(b, ab).ok());
  ASSERT_TRUE(View("stock").Merge(a, ba).ok());
  EXPECT_EQ(RowBytes(ab), RowBytes(ba));
  EXPECT_EQ(ab.Read<StockRow>().on_hand(), 2);
  EXPECT_EQ(ab.Read<StockRow>().last_counted_at_us(), 99);

  Row sales;
  ASSERT_TRUE(View("sales_by_day").Apply(line.event(), "d", sales).ok());
  Row twice = RowAccess::Copy(sales);
  ASSERT_TRUE(View("sales_by_day").Merge(sales, twice).ok());
  EXPECT_EQ(twice.Read<SalesRow>().revenue_micros(), 6'000);
  EXPECT_FALSE(View("orders").merges());
  EXPECT_FALSE(View("orders").Merge(sales, twice).ok());
}

}  // namespace
}  // namespace intentlog
