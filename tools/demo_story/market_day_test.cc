#include "tools/demo_story/market_day.h"

#include <gtest/gtest.h>

#include <set>

#include "eventlog/schema/schema.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;

template <class Visit>
void ForEachEvent(const MarketDay& day, int devices, Visit visit) {
  for (int device = 1; device <= devices; ++device) {
    for (const MarketDeed& deed : day.DeedsOf(device)) {
      for (const MarketDeed::Event& event : deed.events) visit(device, event);
    }
  }
}

TEST(MarketDay, TheSameSeedGivesTheSameDayAndAnotherOneAnother) {
  const MarketDay a = MarketDay::Make({.devices = 3, .seed = 5, .orders = 60});
  const MarketDay b = MarketDay::Make({.devices = 3, .seed = 5, .orders = 60});
  const MarketDay c = MarketDay::Make({.devices = 3, .seed = 6, .orders = 60});
  EXPECT_EQ(OrdersTsv(a.totals().by_order), OrdersTsv(b.totals().by_order));
  EXPECT_NE(OrdersTsv(a.totals().by_order), OrdersTsv(c.totals().by_order));
  EXPECT_EQ(a.DeedsOf(2)[4].events[0].intent_id, b.DeedsOf(2)[4].events[0].intent_id);
}

TEST(MarketDay, TotalsAreThoseOfTheEvents) {
  const MarketDay day = MarketDay::Make({});
  const MarketTotals& totals = day.totals();
  int64_t mills = 0, units = 0;
  uint64_t intents = 0, lines = 0;
  std::set<IntentId> ids;
  ForEachEvent(day, 8, [&](int, const MarketDeed::Event& event) {
    ++intents;
    ids.insert(event.intent_id);
    const auto* line = dynamic_cast<const OrderLineAdded*>(event.message.get());
    if (line == nullptr) return;
    ++lines;
    units += line->quantity();
    mills += line->quantity() * line->unit_price_micros() / 1000;
  });
  EXPECT_EQ(totals.intents, intents);
  EXPECT_EQ(ids.size(), intents);
  EXPECT_EQ(totals.orders, 1500u);
  EXPECT_EQ(totals.figures.rows(), lines);
  EXPECT_EQ(totals.sales.total().units, units);
  EXPECT_EQ(totals.sales.total().mills, mills);
  EXPECT_EQ(totals.conflicted, 3u);
  EXPECT_GT(totals.cancellations, 0u);
  EXPECT_GT(totals.returns, 0u);
  uint64_t by_device = 0;
  for (const uint64_t n : totals.intents_by_device) by_device += n;
  EXPECT_EQ(by_device, intents);
}

TEST(MarketDay, EveryEventKeepsTheRulesOfItsType) {
  const MarketDay day = MarketDay::Make({.devices = 4, .seed = 2, .orders = 200});
  const auto schema = Schema::Compiled({OrderLineAdded::descriptor()->file()});
  ForEachEvent(day, 4, [&](int device, const MarketDeed::Event& event) {
    const EventType* type = schema->Find(event.message->GetDescriptor()->full_name());
    ASSERT_NE(type, nullptr);
    EXPECT_FALSE(type->Validate(*event.message).has_value());
    const bool of_a_shop = type->entity_type() == "order";
    EXPECT_EQ(event.scope, of_a_shop ? "shop-" + std::to_string(device) : "shared");
  });
}

TEST(MarketDay, OneDeviceAloneHasNothingToArgueAbout) {
  EXPECT_EQ(MarketDay::Make({.devices = 1, .seed = 1, .orders = 20}).totals().conflicted, 0u);
  EXPECT_EQ(MarketDay::Make({.devices = 2, .seed = 1, .orders = 20}).totals().conflicted, 3u);
}

}  // namespace
}  // namespace intentlog
