// How a device begins without the whole history, and how it keeps within its quota.
#include <gtest/gtest.h>

#include "eventlog/runtime/text.h"
#include "proto/views.pb.h"
#include "server/backup/backup_folder.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

class BootstrapScenario : public testing::Test {
 protected:
  void SetUp() override {
    world_.AdjustServer([](ServerOptions& options) {
      options.snapshots.events = 100;
      options.snapshots.interval_min = absl::ZeroDuration();
      options.snapshots.rest = 0;
      options.snapshots.free_bytes_min = 0;
      options.snapshot_events_min = 50;
      options.snapshot_rows_per_event_max = 100;
    });
    world_.StartServer();
    world_.AddDevice("till");
    ASSERT_TRUE(world_.RunUntilQuiet());
  }

  // So many order lines, `each` to an order.
  void Sell(int lines, int each = 10) {
    for (int i = 0; i < lines; ++i) {
      world_.Append("till", Line(Cat("order-", sold_++ / each), Cat("product-", i % 7)));
    }
  }
  void SellAndSync(int lines) {
    Sell(lines);
    ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  }
  ScopeStatus Scope(const std::string& device, const std::string& scope) {
    for (const ScopeStatus& one : world_.device(device).Status().scopes) {
      if (one.scope == scope) return one;
    }
    return {};
  }
  // Of scope "till".
  uint64_t RowsIn(const std::string& device, const std::string& view) {
    const auto scopes = world_.device(device).Digests(view);
    if (!scopes.ok()) return 0;
    for (const ScopeState& scope : *scopes) {
      if (scope.scope == "till") return scope.rows;
    }
    return 0;
  }
  int64_t UnitsOf(const std::string& device, const std::string& order) {
    const auto row = world_.device(device).Get("orders", order);
    return row.ok() && row->has_value() ? (**row).Read<views::OrderRow>().units() : -1;
  }

  // A fresh device, where 280 lines were sold.
  void OfficeBeginsAtASnapshot() {
    world_.AddDevice("office", /*all_scopes=*/true);
    ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
    EXPECT_GE(Scope("office", "till").held_after, Position(100));
    EXPECT_EQ(UnitsOf("office", "order-0"), 10);
    EXPECT_EQ(UnitsOf("office", "order-27"), 10);
    EXPECT_EQ(world_.Problems(), "");
  }

  World world_{1};
  int sold_ = 0;
};

TEST_F(BootstrapScenario, AFreshDeviceBeginsAtASnapshotAndGoesOnWithTheFeed) {
  SellAndSync(250);
  SellAndSync(30);
  OfficeBeginsAtASnapshot();
  SellAndSync(10);
  EXPECT_EQ(UnitsOf("office", "order-28"), 10);
  EXPECT_EQ(world_.Problems(), "");
}

// It is of an epoch that has ended, at a position that both have in common.
TEST_F(BootstrapScenario, ASnapshotOfBeforeARestoreBeginsADeviceAfterIt) {
  SellAndSync(250);
  world_.CrashServer();
  const std::string copy = world_.dir_of("copy");
  ASSERT_TRUE(CopyTree(world_.dir_of("server"), copy).ok());
  world_.AdjustServer([](ServerOptions& options) {
    options.snapshots.events = 1'000'000;
    options.snapshot_events_min = 50;
    options.snapshot_rows_per_event_max = 100;
  });
  world_.StartServer();
  SellAndSync(30);
  world_.RollServerBack(copy);
  ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  ASSERT_EQ((*world_.server().Log("shop"))->epochs().back().number(), 2u);
  OfficeBeginsAtASnapshot();
}

TEST_F(BootstrapScenario, WithFewEventsItGetsThem) {
  SellAndSync(40);
  world_.AddDevice("office", /*all_scopes=*/true);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Scope("office", "till").held_after, Position());
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(BootstrapScenario, CutsAndCrashesInTheMiddleCostNothingButTime) {
  SellAndSync(400);
  for (int instant = 1; instant <= 60; ++instant) {
    const std::string name = Cat("office-", instant % 5);
    if (instant <= 5) {
      world_.AddDevice(name, /*all_scopes=*/true);
    } else if (!world_.device_runs(name)) {
      world_.StartDevice(name);
    }
    world_.RunFor(absl::Microseconds(700 * instant));
    if (instant % 2 == 0) {
      world_.network().Cut(name);
    } else {
      world_.CrashDevice(name);
    }
  }
  for (const std::string& name : world_.devices()) {
    if (!world_.device_runs(name)) world_.StartDevice(name);
  }
  ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  for (int i = 0; i < 5; ++i) {
    EXPECT_GE(Scope(Cat("office-", i), "till").held_after, Position(100));
  }
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(BootstrapScenario, ADeviceFarBehindKeepsItsOwnWorkInSight) {
  AppendOptions shared;
  shared.scope = "shared";
  world_.AddDevice("office", /*all_scopes=*/true);
  SellAndSync(20);
  world_.network().Partition("office");
  world_.Append("office", Move("product-0", 1000), shared);
  Sell(300);
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(UnitsOf("office", "order-1"), 10);
  world_.network().Heal();
  bool seen = true;
  for (int i = 0; i < 5000; ++i) {
    world_.RunFor(absl::Microseconds(500));
    const auto row = world_.device("office").Get("stock", "product-0");
    ASSERT_TRUE(row.ok()) << row.status();
    seen = seen && row->has_value() && (**row).Read<views::StockRow>().on_hand() > 500;
    ASSERT_TRUE(UnitsOf("office", "order-1") == 10);  // never a half of it
  }
  EXPECT_TRUE(seen);
  ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  EXPECT_GE(Scope("office", "till").held_after, Position(100));
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(BootstrapScenario, WhatIsConflictedCanBeDecidedOnADeviceThatNeverSawItsFeed) {
  AppendOptions shared;
  shared.scope = "shared";
  world_.AddDevice("other");
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("other");
  world_.Append("till", Price("milk", 3), shared);
  world_.Append("other", Price("milk", 4), shared);
  ASSERT_TRUE(world_.RunUntilQuiet(absl::Minutes(1)) || true);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  for (int i = 0; i < 150; ++i) world_.Append("till", Move("milk", 1), shared);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.AddDevice("fresh");
  ASSERT_TRUE(world_.RunUntilQuiet());
  ASSERT_GE(Scope("fresh", "shared").held_after, Position(100));
  const auto conflicts = world_.device("fresh").Conflicts();
  ASSERT_TRUE(conflicts.ok()) << conflicts.status();
  ASSERT_EQ(conflicts->size(), 1u);
  EXPECT_EQ((*conflicts)[0].entity.id, "milk");
  ASSERT_TRUE((*conflicts)[0].theirs.has_value());
  EXPECT_EQ((*conflicts)[0].theirs->type, "intentlog.commerce.PriceSet");
  EXPECT_TRUE(world_.Resolve("fresh", (*conflicts)[0].position, Verdict::kDrop).ok());
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_TRUE(world_.device("fresh").Conflicts()->empty());
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(BootstrapScenario, AScopeThatIsLostTakesItsRowsAndOneThatIsGainedBringsThem) {
  SellAndSync(150);
  world_.AddDevice("office", /*all_scopes=*/false);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(UnitsOf("office", "order-0"), -1);
  const auto subscribe = [&](std::vector<std::string> scopes) {
    world_.CrashDevice("office");
    world_.AdjustDevices([scopes](ClientOptions& options) { options.scopes = scopes; });
    world_.StartDevice("office");
    return world_.RunUntilQuiet();
  };
  ASSERT_TRUE(subscribe({"office", "shared", "till"}));
  EXPECT_EQ(UnitsOf("office", "order-0"), 10);
  EXPECT_GE(Scope("office", "till").held_after, Position(100));
  EXPECT_EQ(world_.Problems(), "");
  ASSERT_TRUE(subscribe({"office", "shared"}));
  EXPECT_EQ(UnitsOf("office", "order-0"), -1);
  for (const auto& projection : world_.device("office").models().projections()) {
    const auto scopes = world_.device("office").Digests(projection->info().name);
    ASSERT_TRUE(scopes.ok());
    for (const ScopeState& scope : *scopes) EXPECT_NE(scope.scope, "till");
  }
  EXPECT_EQ(world_.Problems(), "");
}

class QuotaScenario : public BootstrapScenario {
 protected:
  void SetUp() override {
    world_.AdjustDevices([](ClientOptions& options) { options.quota.bytes_max = kQuota; });
    BootstrapScenario::SetUp();
  }
  static constexpr uint64_t kQuota = 24 << 10;  // less than the lines of one test, packed
  uint64_t Held(const std::string& device) { return world_.device(device).Status().log_bytes; }
  // What lies there.
  uint64_t Recounted(const std::string& device) {
    uint64_t bytes = 0;
    const auto row = world_.device(device).store().Scan(Space::kLog);
    for (row->Seek(""); row->Valid(); row->Next()) {
      if (row->key()[0] == 'i') bytes += row->key().size() + row->value().size();
      if (row->key()[0] == 'f') bytes += row->value().size();
    }
    return bytes;
  }
};

TEST_F(QuotaScenario, WhatIsSafeElsewhereGoesAndEveryRowStays) {
  for (int i = 0; i < 20; ++i) {
    SellAndSync(20);
    EXPECT_LE(Held("till"), kQuota);
    EXPECT_EQ(Held("till"), Recounted("till"));
  }
  EXPECT_GT(Scope("till", "till").held_after, Position());
  EXPECT_EQ(UnitsOf("till", "order-0"), 10);
  EXPECT_EQ(world_.device("till").Status().counts.synced, 400u);
  EXPECT_EQ(world_.Problems(), "");
  world_.CrashDevice("till");
  world_.StartDevice("till");
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_LE(Held("till"), kQuota);
  EXPECT_EQ(Held("till"), Recounted("till"));
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(QuotaScenario, WhatIsPendingFillsItAndThenNothingMoreIsTaken) {
  SellAndSync(100);
  world_.network().Partition("till");
  int taken = 0;
  absl::Status refused;
  while (refused.ok() && taken < 10'000) {
    refused = world_.device("till").Append(Line("order-x", "milk")).status();
    if (refused.ok()) ++taken;
  }
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_NE(refused.message().find(Cat(taken, " pending")), std::string::npos) << refused;
  EXPECT_LE(Held("till"), kQuota);
  EXPECT_GT(taken, 100);
  EXPECT_EQ(world_.device("till").Status().counts.pending, static_cast<uint64_t>(taken));
  EXPECT_EQ(UnitsOf("till", "order-x"), taken);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_TRUE(world_.device("till").Append(Line("order-y", "milk")).ok());
  EXPECT_EQ(UnitsOf("till", "order-x"), taken);
}

// A till whose program has one view more than it had while its feed was trimmed.
class NewViewScenario : public QuotaScenario {
 protected:
  void SetUp() override {
    QuotaScenario::SetUp();
    const Projections all = CommerceViews();
    world_.CrashDevice("till");
    world_.UseProjections(Projections(all.begin() + 1, all.end()));
    world_.StartDevice("till");
    for (int i = 0; i < 10; ++i) SellAndSync(40);
    ASSERT_GT(Scope("till", "till").held_after, Position());
    world_.CrashDevice("till");
    world_.UseProjections(all);
    world_.network().Partition("till");
    world_.StartDevice("till");
    EXPECT_TRUE(Scope("till", "till").anew);
    EXPECT_GT(RowsIn("till", all[1]->info().name), 0u);  // stays as it is
  }
};

TEST_F(NewViewScenario, ItsScopeBeginsAnewAtASnapshot) {
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  EXPECT_FALSE(Scope("till", "till").anew);
  EXPECT_GE(Scope("till", "till").held_after, Position(100));
  EXPECT_EQ(UnitsOf("till", "order-0"), 10);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(NewViewScenario, WhereThereIsNoneItsScopeBeginsAnewAtItsFirstEvent) {
  world_.CrashServer();
  world_.AdjustServer([](ServerOptions& options) { options.snapshots.on = false; });
  world_.StartServer();
  Sell(5);  // own pending work stays in sight meanwhile
  EXPECT_EQ(UnitsOf("till", "order-40"), 5);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  EXPECT_FALSE(Scope("till", "till").anew);
  EXPECT_EQ(UnitsOf("till", "order-0"), 10);
  EXPECT_EQ(UnitsOf("till", "order-40"), 5);
  EXPECT_EQ(world_.Problems(), "");
}

}  // namespace
}  // namespace intentlog::scenario
