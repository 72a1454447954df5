// When devices of a shop sync: on the road, at home, in the time that a telephone gives, and never
// without a reason.
#include <gtest/gtest.h>

#include <set>

#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

Conditions On(NetworkKind network) {
  Conditions conditions;
  conditions.network = network;
  return conditions;
}

// Descriptions of products are as heavy as photos: class 2. Orders are of class 0, stock of 1.
void ThreeClasses(ClientOptions& options) {
  options.policy.class_of = {{"stock", 1}, {"product", 2}};
}

// Who waits has exactly one reason; who does not has none.
void ExpectReasons(Client& client) {
  const auto recorded = client.List(Count(1), 100000);
  ASSERT_TRUE(recorded.ok()) << recorded.status();
  for (const auto& own : *recorded) {
    const auto why = client.Why(IntentId::FromBytes(own.intent.intent_id()));
    ASSERT_TRUE(why.ok()) << why.status();
    ASSERT_EQ(why->kind != BlockedBy::kNothing, own.state == RecordState::kPending) << why->text;
    ASSERT_FALSE(why->text.empty());
  }
  const ClientStatus status = client.Status();
  ASSERT_EQ(status.blocked_by.kind != BlockedBy::kNothing, status.counts.pending > 0);
}

TEST(ConditionsScenario, AnOrderGoesOverAMeteredNetworkWhileAPhotoWaitsForHome) {
  World world(1);
  world.AdjustDevices(ThreeClasses);
  world.StartServer();
  Client& van = world.AddDevice("van");
  van.SetConditions(On(NetworkKind::kMetered));
  const Appended photo = world.Append("van", Describe("milk", std::string(1500, 'x')));
  const Appended order = world.Append("van", Line("A1", "milk"));
  world.RunFor(absl::Minutes(20));
  EXPECT_EQ(van.Find(order.intent_id)->state, RecordState::kSynced);
  EXPECT_EQ(van.Why(photo.intent_id)->kind, BlockedBy::kMetered);
  EXPECT_GE(van.Why(photo.intent_id)->age, absl::Minutes(19));
  van.SetConditions(On(NetworkKind::kUnmetered));
  ASSERT_TRUE(world.RunUntilQuiet());
  EXPECT_EQ(van.Find(photo.intent_id)->state, RecordState::kSynced);
  EXPECT_EQ(world.Problems(), "");
}

TEST(ConditionsScenario, SlicesBringEverythingUpAndDownWithinTheirBudget) {
  constexpr uint64_t kBytes = 48 << 10;
  constexpr uint64_t kFrame = 256 << 10;  // of feed, at most; here a block of about 64 KiB
  World world(2);
  world.AdjustDevices(ThreeClasses);
  world.StartServer();
  world.AddDevice("office");
  Client& phone = world.AddDevice("phone");
  phone.StopSync();
  const AppendOptions shared{{}, "shared", {}, Durability::kBuffered};
  for (int i = 0; i < 150; ++i) {
    world.Append("phone", Describe("own", std::string(1500, 'x')), shared);
    world.Append("office", Describe("other", std::string(1500, 'y')), shared);
  }
  world.RunFor(absl::Minutes(1));
  int slices = 0;
  for (bool done = false; !done; ++slices) {
    ASSERT_LT(slices, 50);
    std::vector<SliceReport> reports;
    const auto note = [&](const SliceReport& report) { reports.push_back(report); };
    ASSERT_TRUE(phone.SyncSlice(world.connector("phone"), {kBytes, absl::Seconds(25)}, note).ok());
    world.RunFor(absl::Seconds(26));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_LE(reports[0].bytes_sent, kBytes + 4096);
    EXPECT_LE(reports[0].bytes_sent + reports[0].bytes_received, kBytes + kFrame);
    EXPECT_EQ(phone.Status().syncing, false);
    done = !reports[0].more_waits;
    EXPECT_EQ(reports[0].end == SliceReport::End::kDone, done) << slices;
    ExpectReasons(phone);
  }
  EXPECT_GE(slices, 4);
  ASSERT_TRUE(phone.StartSync(world.connector("phone")).ok());
  ASSERT_TRUE(world.RunUntilQuiet());
  EXPECT_EQ(phone.Status().counts.synced, 150u);
  EXPECT_EQ(world.Problems(), "");
}

// ---- any schedule

void Act(World& world, const std::string& name) {
  Random& dice = world.random();
  const AppendOptions shared{{}, "shared", {}, Durability::kDurable};
  const std::string thing = std::to_string(dice.Below(3));
  switch (dice.Below(9)) {
    case 0:
    case 1:
      world.Append(name, Line("A" + thing, "milk"), shared);
      return;
    case 2:
      world.Append(name, Move(thing, 3), shared);
      return;
    case 3:
      world.Append(name, Price(thing, static_cast<int64_t>(dice.Below(9))), shared);
      return;
    case 4:
      return world.network().Partition(name);
    case 5:
      return world.network().Heal();
    case 6:
      if (dice.Below(3) > 0) return;
      world.CrashDevice(name);
      return world.StartDevice(name);
    case 7:
      EXPECT_TRUE(world.device(name).SyncNow().ok());
      return;
    default: {
      Conditions conditions = On(static_cast<NetworkKind>(dice.Below(3)));
      conditions.charging = dice.Below(2) == 0;
      conditions.battery_percent = static_cast<int>(dice.Below(100));
      conditions.data_saver = dice.Below(4) == 0;
      world.device(name).SetConditions(conditions);
    }
  }
}

TEST(ConditionsScenario, I15_NobodyEverWaitsWithoutExactlyOneReason) {
  std::set<BlockedBy::Kind> seen;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.AdjustDevices(ThreeClasses);
    world.StartServer();
    for (const char* name : {"till-1", "till-2", "van"}) world.AddDevice(name);
    for (int step = 0; step < 60; ++step) {
      const std::vector<std::string> names = world.devices();
      Act(world, names[world.random().Below(names.size())]);
      world.RunFor(absl::Milliseconds(static_cast<int64_t>(world.random().Below(3000))));
      for (const std::string& name : names) {
        ExpectReasons(world.device(name));
        seen.insert(world.device(name).Status().blocked_by.kind);
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    world.network().Heal();
    for (const std::string& name : world.devices()) world.device(name).SetConditions({});
    ASSERT_TRUE(world.RunUntilQuiet());
    EXPECT_EQ(world.Problems(), "");
  }
  EXPECT_GE(seen.size(), 6u);  // that the schedules go to many places
}

}  // namespace
}  // namespace intentlog::scenario
