// What must hold after every step of any schedule, against a naive recompute.
#include "client/client.h"
#include "client/test_shop.h"
#include "eventlog/log/decision.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr int kProducts = 3;
constexpr int kSteps = 120;

class Schedule {
 public:
  explicit Schedule(uint64_t seed)
      : shop_("schedule_" + std::to_string(seed), seed), dice_(seed * 7919) {
    shop_.server().FeedEvents(2);
    shop_.server().Decide([this](const Intent&) {
      constexpr Decision kDecisions[] = {ACCEPTED, ACCEPTED, MERGED,    ACCEPTED,
                                         REJECTED, PARKED,   DUPLICATE, CONFLICTED};
      return kDecisions[dice_.Below(std::size(kDecisions))];
    });
  }

  void Step() {
    switch (dice_.Below(12)) {
      case 0:
      case 1:
      case 2:
        return Record(1);
      case 3:
        return Record(1 + dice_.Below(4));
      case 4: {
        const std::string order = "order-" + std::to_string(dice_.Below(4));
        shop_.server().Append("shop", TestShop::ByOthers(order, Product(), Quantity()));
        return;
      }
      case 5:
        return shop_.server().HoldReceipts(dice_.Below(2) == 0);
      case 6:
        return shop_.server().HoldFeed(dice_.Below(2) == 0);
      case 7:
        return shop_.Cut();
      case 8:
        return SettleSomething();
      case 9:
        if (dice_.Below(4) == 0) shop_.Restart();
        if (!shop_.client().Status().syncing) shop_.StartSync();
        return;
      case 10:
        return shop_.Pass(absl::Milliseconds(static_cast<int64_t>(dice_.Below(2000))));
      default:
        for (uint64_t i = dice_.Below(6); i > 0; --i) shop_.executor().RunOne();
    }
  }

  // The optimistic view is what is confirmed and what is pending, each once.
  void CheckView() {
    const uint64_t cursor = shop_.client().Status().scopes[0].cursor.value();
    std::map<std::string, int64_t> wanted;
    for (const FakeServer::Stored& stored : shop_.server().log()) {
      if (stored.header.position() > cursor || !IsEffective(stored.header.decision())) continue;
      Intent intent;
      ASSERT_TRUE(intent.ParseFromString(stored.intent_bytes));
      std::string payload = intent.payload();
      if (stored.header.settlement_of() != 0) {
        Settlement settlement;
        ASSERT_TRUE(settlement.ParseFromString(payload));
        payload = settlement.payload();
      }
      Sold(payload, wanted);
    }
    const auto recorded = shop_.client().List(Count(1), 100000);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    for (const auto& own : *recorded) {
      const bool waits = own.decision == DECISION_UNSPECIFIED || own.decision == PARKED;
      // A settled one keeps the position of its first decision, which the cursor has passed or not;
      // its settlement came with the feed.
      const bool comes = IsEffective(own.decision) && own.position.value() > cursor;
      if (waits || comes) Sold(own.intent.payload(), wanted);
    }
    for (int i = 0; i < kProducts; ++i) {
      const std::string product = "product-" + std::to_string(i);
      ASSERT_EQ(shop_.Stock(product), wanted[product]) << product << " at " << cursor;
    }
  }

  void CheckCounts() {
    const StateCounts counts = shop_.client().Status().counts;
    ASSERT_EQ(counts.recorded, recorded_);
    ASSERT_EQ(counts.synced + counts.pending + counts.failed + counts.conflicted, recorded_);
    std::map<RecordState, uint64_t> states;
    const auto recorded = shop_.client().List(Count(1), 100000);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    for (const auto& own : *recorded) ++states[own.state];
    ASSERT_EQ(states[RecordState::kSynced], counts.synced);
    ASSERT_EQ(states[RecordState::kFailed], counts.failed);
    ASSERT_EQ(states[RecordState::kConflicted], counts.conflicted);
    ASSERT_EQ(states[RecordState::kPending], counts.pending);
  }

  void Heal() {
    shop_.server().HoldReceipts(false);
    shop_.server().HoldFeed(false);
    if (!shop_.client().Status().syncing) shop_.StartSync();
    shop_.Pass(absl::Minutes(12));
    // Whatever is open is closed by somebody.
    for (uint64_t position = 1; position <= shop_.server().head(); ++position) Close(position);
    shop_.Pass(absl::Minutes(1));
  }

  void CheckHealed() {
    const ClientStatus status = shop_.client().Status();
    ASSERT_EQ(status.counts.pending, 0u) << status.last_error;
    ASSERT_EQ(status.counts.conflicted, 0u);
    ASSERT_EQ(status.scopes[0].cursor.value(), shop_.server().head());
    const auto positions = shop_.server().PositionsOf(std::string(status.log_id.bytes()));
    ASSERT_EQ(positions.size(), recorded_);
    for (uint64_t count = 1; count <= recorded_; ++count) ASSERT_EQ(positions.count(count), 1u);
    for (int i = 0; i < kProducts; ++i) {
      const std::string product = "product-" + std::to_string(i);
      ASSERT_EQ(shop_.Stock(product), shop_.ConfirmedStock(product));
    }
  }

 private:
  std::string Product() { return "product-" + std::to_string(dice_.Below(kProducts)); }
  int64_t Quantity() { return static_cast<int64_t>(dice_.Below(9)) - 3; }

  void Record(uint64_t size) {
    std::vector<commerce::OrderLineAdded> lines;
    const std::string order = "order-" + std::to_string(dice_.Below(4));
    for (uint64_t i = 0; i < size; ++i) {
      lines.push_back(TestShop::Line(order, Product(), Quantity()));
    }
    std::vector<NewIntent> batch;
    for (const auto& line : lines) batch.push_back({&line, {}, {}});
    const auto done = shop_.client().AppendAll(batch);
    ASSERT_TRUE(done.ok()) << done.status();
    recorded_ += size;
  }
  void SettleSomething() {
    if (shop_.server().head() > 0) Close(1 + dice_.Below(shop_.server().head()));
  }
  void Close(uint64_t position) {
    const Decision decision = shop_.server().log()[position - 1].header.decision();
    if ((decision != PARKED && decision != CONFLICTED) || !closed_.insert(position).second) return;
    shop_.server().Settle(position, dice_.Below(3) == 0 ? REJECTED : ACCEPTED,
                          dice_.Below(2) == 0 ? "a person" : "");
  }
  static void Sold(const std::string& payload, std::map<std::string, int64_t>& stock) {
    commerce::OrderLineAdded line;
    ASSERT_TRUE(line.ParseFromString(payload));
    stock[line.product_id()] -= line.quantity();
  }

  TestShop shop_;
  SeededRandom dice_;
  uint64_t recorded_ = 0;
  std::set<uint64_t> closed_;
};

TEST(ClientPropertyTest, I8_I15_I16_I21_AnyScheduleShowsEachIntentOnceAndEndsSynced) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Schedule schedule(seed);
    for (int step = 0; step < kSteps; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      schedule.Step();
      schedule.CheckView();
      schedule.CheckCounts();
      if (testing::Test::HasFatalFailure()) return;
    }
    schedule.Heal();
    schedule.CheckView();
    schedule.CheckHealed();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace intentlog
