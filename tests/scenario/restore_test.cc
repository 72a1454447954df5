// A server loses its disk and is restored from last night's backup: what its devices did today
// comes back from them, each order once (I30).
//
//   A:e4'  what device A recorded as its fourth, when the server has it
#include <gtest/gtest.h>

#include "proto/views.pb.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

class RestoreScenario : public testing::Test {
 protected:
  void SetUp() override {
    world_.AdjustServer([](ServerOptions& options) { options.backups_off = false; });
    world_.StartServer();
    world_.AddDevice("till-1");
    world_.AddDevice("till-2");
    world_.AddDevice("office", /*all_scopes=*/true);
    ASSERT_TRUE(world_.RunUntilQuiet());
  }

  void Sell(const std::string& till, const std::string& order, int lines = 1) {
    for (int i = 0; i < lines; ++i) world_.Append(till, Line(order, "milk"));
  }
  int64_t UnitsOf(const std::string& device, const std::string& order) {
    const auto row = world_.device(device).Get("orders", order);
    return row.ok() && row->has_value() ? (**row).Read<views::OrderRow>().units() : -1;
  }
  Header HeaderAt(uint64_t position) {
    Header header;
    const auto reader = (*world_.server().Log("shop"))->Read(Position(position));
    EXPECT_TRUE(*reader->Next());
    const EventRef event = reader->block().event(reader->begin());
    header.ParseFromArray(event.header.data(), static_cast<int>(event.header.size()));
    return header;
  }
  uint64_t Head() { return (*world_.server().Log("shop"))->head().position.value(); }
  uint32_t EpochNumber() { return (*world_.server().Log("shop"))->epochs().back().number(); }
  Healing HealingNow() { return world_.server().Stats("shop")->healing(); }
  StateCounts Counts(const std::string& device) { return world_.device(device).Status().counts; }

  World world_{1};
};

TEST_F(RestoreScenario, GetsTodaysOrdersBackFromItsDevicesEachOnce) {
  Sell("till-1", "yesterday", 3);
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string last_night = world_.BackUpServer();
  Sell("till-1", "today-1", 2);
  Sell("till-2", "today-2", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Counts("till-1").synced, 5);
  EXPECT_EQ(Head(), 7);

  world_.RestoreServer(last_night);
  EXPECT_EQ(Head(), 3);
  EXPECT_EQ(EpochNumber(), 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Head(), 7);
  EXPECT_EQ(UnitsOf("office", "yesterday"), 3);
  EXPECT_EQ(UnitsOf("office", "today-1"), 2);
  EXPECT_EQ(UnitsOf("office", "today-2"), 2);
  EXPECT_EQ(Counts("till-1").synced, 5);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, PutsThemIntoTheOrderThatTheyHad) {
  const std::string empty = world_.BackUpServer();
  for (int i = 0; i < 5; ++i) {  // 1 and 2 take turns
    Sell("till-1", "one");
    ASSERT_TRUE(world_.RunUntilQuiet());
    Sell("till-2", "two");
    ASSERT_TRUE(world_.RunUntilQuiet());
  }
  ASSERT_EQ(Head(), 10);
  world_.network().Partition("till-1");
  world_.RestoreServer(empty);
  world_.RunFor(absl::Minutes(2));
  EXPECT_EQ(Head(), 0);  // position 1 was till-1's
  EXPECT_EQ(HealingNow().waiting(), 5);
  EXPECT_EQ(HealingNow().next(), 1);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  ASSERT_EQ(Head(), 10);
  for (uint64_t position = 1; position <= 10; ++position) {
    EXPECT_EQ(HeaderAt(position).was().position(), position);
  }
  EXPECT_EQ(HealingNow().returned(), 10);
  EXPECT_EQ(HealingNow().ends_us(), 0);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, NewWorkWaitsBehindWhatComesBack) {
  const std::string empty = world_.BackUpServer();
  Sell("till-1", "lost", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("till-1");
  world_.RestoreServer(empty);
  world_.RunFor(absl::Minutes(1));  // the office tells that there were two
  Sell("till-2", "new");
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(Head(), 0);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(HeaderAt(1).was().position(), 1);
  EXPECT_EQ(HeaderAt(2).was().position(), 2);
  EXPECT_FALSE(HeaderAt(3).has_was());
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, GoesOnWithoutADeviceThatStaysAway) {
  const std::string empty = world_.BackUpServer();
  Sell("till-1", "lost", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  Sell("till-2", "kept", 1);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("till-1");
  world_.RestoreServer(empty);
  world_.RunFor(absl::Minutes(9));
  EXPECT_EQ(Head(), 0);
  world_.RunFor(absl::Minutes(3));
  EXPECT_EQ(Head(), 1);
  EXPECT_EQ(UnitsOf("office", "kept"), 1);
  EXPECT_EQ(UnitsOf("office", "lost"), -1);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(UnitsOf("office", "lost"), 2);
  EXPECT_EQ(Head(), 3);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, GoesOnAtOnceIfTheOperatorSaysSo) {
  const std::string empty = world_.BackUpServer();
  Sell("till-1", "lost", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  Sell("till-2", "kept", 1);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("till-1");
  world_.RestoreServer(empty);
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(Head(), 0);
  const std::vector<std::string> told = world_.server().TakeNotices();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("lost events through position 3"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("fleet heal ends that"), std::string::npos) << told[0];
  EXPECT_EQ(world_.server().GoOnHealing("shop")->waiting(), 1);
  world_.RunFor(absl::Seconds(10));
  EXPECT_EQ(Head(), 1);
}

TEST_F(RestoreScenario, WorkOfBeforeAndAfterGoesOnOffline) {
  const std::string empty = world_.BackUpServer();
  Sell("till-1", "A", 3);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("till-1");
  Sell("till-1", "A", 4);  // never seen by any server
  EXPECT_EQ(UnitsOf("till-1", "A"), 7);
  world_.RestoreServer(empty);
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(UnitsOf("till-1", "A"), 7);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(UnitsOf("till-1", "A"), 7);
  EXPECT_EQ(UnitsOf("office", "A"), 7);
  EXPECT_EQ(Head(), 7);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, ADeviceShowsItsOwnWorkOnceAtEveryMoment) {
  const std::string empty = world_.BackUpServer();
  Sell("till-1", "A", 3);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RestoreServer(empty);
  for (int i = 0; i < 3000; ++i) {
    world_.RunFor(absl::Milliseconds(10));
    ASSERT_EQ(UnitsOf("till-1", "A"), 3) << "after " << i << " steps";  // I21
  }
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, TheSameBackupTwiceLosesNothing) {
  Sell("till-1", "yesterday");
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string last_night = world_.BackUpServer();
  Sell("till-1", "first", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RestoreServer(last_night);
  ASSERT_TRUE(world_.RunUntilQuiet());
  Sell("till-2", "second", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RestoreServer(last_night);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(UnitsOf("office", "first"), 2);
  EXPECT_EQ(UnitsOf("office", "second"), 2);
  EXPECT_EQ(Head(), 5);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, ADeviceThatMissedTheFirstRestoreComesBackAfterTheSecond) {
  const std::string empty = world_.BackUpServer();
  Sell("till-1", "A", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("till-1");
  world_.RestoreServer(empty);
  world_.RunFor(absl::Minutes(15));
  Sell("till-2", "B", 2);
  world_.RunFor(absl::Minutes(1));
  world_.RestoreServer(empty);
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(UnitsOf("office", "A"), 2);
  EXPECT_EQ(UnitsOf("office", "B"), 2);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, AServerThatWentBackWithoutAWordBeginsANewEpoch) {
  Sell("till-1", "yesterday");
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string copy = world_.BackUpServer();
  Sell("till-1", "today", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RollServerBack(copy);
  EXPECT_EQ(EpochNumber(), 1);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(EpochNumber(), 2);
  EXPECT_EQ(UnitsOf("office", "today"), 2);
  EXPECT_EQ(Head(), 3);
  EXPECT_EQ(world_.Problems(), "");
}

// Between going back and being told of it the server gave positions away that meant something else
// before; a copy of a device brought the same work there.
TEST_F(RestoreScenario, BelowAnEpochThatWasFoundOutOnlyACursorVouchesForAReceipt) {
  Sell("till-1", "yesterday");
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string copy = world_.BackUpServer();
  world_.network().Partition("till-1");
  Sell("till-1", "today");
  world_.CrashDevice("till-1");
  world_.CopyDevice("till-1", "twin");
  world_.CrashDevice("twin");
  world_.network().Heal();
  world_.StartDevice("till-1");
  ASSERT_TRUE(world_.RunUntilQuiet());
  Sell("till-2", "seen by all", 3);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RunFor(absl::Minutes(2));  // until the cursors of all scopes are there
  for (const char* device : {"till-1", "till-2", "office"}) world_.CrashDevice(device);
  world_.RollServerBack(copy);
  world_.AddDevice("till-3");
  Sell("till-3", "instead");
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.StartDevice("twin");
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Head(), 3);
  EXPECT_EQ(EpochNumber(), 1);
  for (const char* device : {"office", "till-2", "till-1"}) world_.StartDevice(device);
  Sell("till-1", "later");  // parts it from its twin
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(EpochNumber(), 2);
  EXPECT_EQ(Head(), 7);
  const auto listed = world_.device("till-1").List(Count(2), 1);
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(listed->at(0).position, Position(3));
  EXPECT_EQ(world_.Problems(), "");
}

// The highest count of a device log says nothing of whose work is under it.
TEST_F(RestoreScenario, OfTwoCopiesOfADeviceTheLastToComeBackKeepsItsReceiptedWork) {
  Sell("till-1", "both");
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string last_night = world_.BackUpServer();
  world_.CrashDevice("till-1");
  world_.CopyDevice("till-1", "copy");
  Sell("copy", "of the copy", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Counts("copy").synced, 3);
  world_.CrashDevice("copy");
  world_.RestoreServer(last_night);
  world_.StartDevice("till-1");
  Sell("till-1", "of the first", 3);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Head(), 4);
  world_.StartDevice("copy");
  world_.Append("copy", Line("later", "milk"));
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Head(), 7);
  EXPECT_EQ(UnitsOf("office", "of the copy"), 2);
  EXPECT_EQ(UnitsOf("office", "of the first"), 3);
  EXPECT_EQ(world_.device("copy").Status().digests_unequal, 0);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(RestoreScenario, WhatHadTakenEffectIsNeverADuplicateNow) {
  AppendOptions shared;
  shared.scope = "shared";
  const std::string empty = world_.BackUpServer();
  world_.Append("till-1", Redeem("voucher-1", "A"), shared);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("till-1");
  world_.RestoreServer(empty);
  world_.RunFor(absl::Minutes(1));
  // The only one that knew of it was away, so the voucher is taken again.
  world_.Append("till-2", Redeem("voucher-1", "B"), shared);
  world_.RunFor(absl::Minutes(12));
  ASSERT_EQ(Head(), 1);
  world_.network().Heal();
  for (const int restores : {1, 2}) {
    SCOPED_TRACE(restores);
    ASSERT_TRUE(world_.RunUntilQuiet());
    ASSERT_EQ(Head(), 2);
    EXPECT_EQ(HeaderAt(2).decision(), CONFLICTED);
    EXPECT_EQ(HeaderAt(2).reason().code(), Reason::RESTORED);
    EXPECT_EQ(Counts("till-1").conflicted, 1);
    EXPECT_EQ(world_.Problems(), "");
    world_.RestoreServer(empty);
  }
}

// ---- a backup that is older than what devices were told is safe

class TooOldBackup : public RestoreScenario {
 protected:
  void SetUp() override {
    world_.AdjustDevices([](ClientOptions& options) { options.quota.bytes_max = 40 << 10; });
    RestoreScenario::SetUp();
  }
};

TEST_F(TooOldBackup, ADeviceThatTrimmedWhatIsLostGoesOnBehindIt) {
  const std::string oldest = world_.BackUpServer();
  for (int day = 0; day < 4; ++day) {
    Sell("till-1", Cat("day-", day), 60);
    ASSERT_TRUE(world_.RunUntilQuiet());
    world_.BackUpServer();
  }
  Sell("till-1", "today", 5);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RestoreServer(oldest, /*accept_loss=*/true);
  world_.RunFor(absl::Minutes(15));
  Sell("till-1", "tomorrow", 2);
  ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
  EXPECT_EQ(Counts("till-1").pending, 0);
  EXPECT_EQ(UnitsOf("office", "today"), 5);
  EXPECT_EQ(UnitsOf("office", "tomorrow"), 2);
  EXPECT_EQ(UnitsOf("till-1", "tomorrow"), 2);
  EXPECT_LT(Head(), 247);  // of four days, what the till had trimmed is lost
}

}  // namespace
}  // namespace intentlog::scenario
