// What a shop lives through when the line is bad: read this to see the whole system at work.
#include <gtest/gtest.h>

#include "proto/views.pb.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

class PartitionScenario : public testing::Test {
 protected:
  void SetUp() override {
    world_.StartServer();
    world_.AddDevice("till-1");
    world_.AddDevice("till-2");
    world_.AddDevice("office", /*all_scopes=*/true);
    ASSERT_TRUE(world_.RunUntilQuiet());
  }

  int64_t UnitsOf(const std::string& device, const std::string& order) {
    const auto row = world_.device(device).Get("orders", order);
    return row.ok() && row->has_value() ? (**row).Read<views::OrderRow>().units() : -1;
  }
  uint64_t Head() { return (*world_.server().Log("shop"))->head().position.value(); }
  StateCounts Counts(const std::string& device) { return world_.device(device).Status().counts; }

  World world_{1};
};

TEST_F(PartitionScenario, AnOrderIsReadableAtOnceAndEverywhereAfterSync) {
  world_.Append("till-1", Line("A1", "milk", 2));
  EXPECT_EQ(UnitsOf("till-1", "A1"), 2);  // I21: before any server heard of it
  EXPECT_EQ(UnitsOf("office", "A1"), -1);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(UnitsOf("office", "A1"), 2);
  EXPECT_EQ(UnitsOf("till-2", "A1"), -1);  // another shop's scope
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(PartitionScenario, WorkGoesOnOfflineAndArrivesInOrder) {
  world_.network().Partition("till-1");
  for (int i = 0; i < 100; ++i) world_.Append("till-1", Line("A1", "milk"));
  world_.RunFor(absl::Hours(1));
  EXPECT_EQ(Counts("till-1").pending, 100);
  EXPECT_EQ(UnitsOf("till-1", "A1"), 100);
  EXPECT_EQ(Head(), 0);
  EXPECT_NE(world_.device("till-1").Status().blocked_by.kind, BlockedBy::kNothing);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Counts("till-1").synced, 100);
  EXPECT_EQ(Head(), 100);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(PartitionScenario, CommitsMadeOfflineArriveOnceAfterTheReplyWasLost) {
  world_.network().DropReplies("till-1");
  world_.Append("till-1", Line("A1", "milk"));
  world_.RunFor(absl::Minutes(2));
  EXPECT_EQ(Head(), 1);  // the server has it, the device does not know
  EXPECT_EQ(Counts("till-1").pending, 1);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Head(), 1);
  EXPECT_EQ(Counts("till-1").synced, 1);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(PartitionScenario, ACrashOfEitherSideLosesAndDoublesNothing) {
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 20; ++i) world_.Append("till-1", Line(Cat("A", round), "milk"));
    world_.RunFor(absl::Milliseconds(3 * round));
    world_.CrashServer();
    world_.RunFor(absl::Seconds(1));
    world_.StartServer();
    world_.RunFor(absl::Milliseconds(5 * round));
    world_.CrashDevice("till-1");
    world_.StartDevice("till-1");
  }
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Head(), 200);
  EXPECT_EQ(Counts("till-1").synced, 200);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(PartitionScenario, ADeviceThatJoinsLateCatchesUp) {
  for (int i = 0; i < 300; ++i) world_.Append("till-1", Line(Cat("A", i % 7), "milk"));
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.AddDevice("new-office", /*all_scopes=*/true);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(UnitsOf("new-office", "A0"), UnitsOf("office", "A0"));
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(PartitionScenario, I17_TheServersDigestsReachEveryDeviceAndAreEqual) {
  world_.Append("till-1", Line("A1", "milk"));
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RunFor(absl::Seconds(30));
  for (const std::string name : {"till-1", "office"}) {  // till-2 has no rows to compare
    const ClientStatus status = world_.device(name).Status();
    EXPECT_GT(status.digests_equal, 0) << name;
    EXPECT_EQ(status.digests_unequal, 0) << name;
  }
}

}  // namespace
}  // namespace intentlog::scenario
