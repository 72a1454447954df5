// Two phones from one disk, and an old backup that comes back: what each sold is there once.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "proto/views.pb.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

class ClonesScenario : public testing::Test {
 protected:
  void SetUp() override {
    world_.StartServer();
    world_.AddDevice("phone");
    world_.AddDevice("office", /*all_scopes=*/true);
    ASSERT_TRUE(world_.RunUntilQuiet());
  }

  void Sell(const std::string& device, const std::string& order, int units = 1) {
    for (int i = 0; i < units; ++i) world_.Append(device, Line(order, "milk"));
  }
  // The disk of the stopped phone, written to a second one.
  void Copy(const std::string& of, const std::string& copy) {
    world_.CrashDevice(of);
    world_.CopyDevice(of, copy);
    world_.CrashDevice(copy);
  }
  // Everything that waits arrives, and nobody disagrees.
  void SyncAll() {
    ASSERT_TRUE(world_.RunUntilQuiet()) << world_.State();
    EXPECT_EQ(world_.Problems(), "");
  }
  int64_t UnitsOf(const std::string& order, const std::string& device = "office") {
    const auto row = world_.device(device).Get("orders", order);
    return row.ok() && row->has_value() ? (**row).Read<views::OrderRow>().units() : 0;
  }
  uint64_t Head() { return (*world_.server().Log("shop"))->head().position.value(); }
  LogId LogOf(const std::string& device) { return world_.device(device).Status().log_id; }
  size_t NamesOf(const std::string& device) {
    return world_.device(device).Status().logs.at(0).names.size();
  }
  // The phone and a copy that do nothing, until one of them leaves the log that both have: which.
  std::string PartByChance() {
    Copy("phone", "other");
    world_.StartDevice("phone");
    world_.StartDevice("other");
    SyncAll();
    world_.RunFor(absl::Minutes(10));
    return NamesOf("phone") == 2 ? "phone" : "other";
  }
  std::set<std::string> Installations() {
    std::set<std::string> names;
    const auto records = world_.server().Devices("shop");
    for (const DeviceRecord& record : *records) names.insert(record.device());
    return names;
  }

  World world_{29};
};

TEST_F(ClonesScenario, I29_TwoPhonesOfOneDiskSellOfflineAndEachSaleArrivesOnce) {
  Sell("phone", "before", 3);
  ASSERT_TRUE(world_.RunUntilQuiet());
  const LogId shared = LogOf("phone");
  Copy("phone", "copy");
  world_.network().Partition("phone");
  world_.network().Partition("copy");
  world_.StartDevice("phone");
  world_.StartDevice("copy");
  Sell("phone", "by-phone", 4);
  Sell("copy", "by-copy", 5);
  EXPECT_EQ(UnitsOf("by-copy", "copy"), 5);
  world_.network().Heal();
  SyncAll();
  EXPECT_EQ(UnitsOf("before"), 3);
  EXPECT_EQ(UnitsOf("by-phone"), 4);
  EXPECT_EQ(UnitsOf("by-copy"), 5);
  EXPECT_EQ(Head(), 12u);
  // One of them goes on in the log that they had in common.
  EXPECT_EQ((LogOf("phone") == shared) + (LogOf("copy") == shared), 1);
  // From now on they do not disturb each other.
  Sell("phone", "later", 1);
  Sell("copy", "later-too", 1);
  SyncAll();
  EXPECT_EQ(NamesOf("phone") + NamesOf("copy"), 3u);
  EXPECT_EQ(Installations().size(), 3u);
}

TEST_F(ClonesScenario, I29_TheSecondOfThemToComeGoesOnInANewLogWhoeverItIs) {
  for (const std::string first : {"phone", "copy"}) {
    SCOPED_TRACE(first);
    World world(first == "phone" ? 31 : 32);
    world.StartServer();
    world.AddDevice("phone");
    ASSERT_TRUE(world.RunUntilQuiet());
    world.Append("phone", Line("before", "milk"));
    ASSERT_TRUE(world.RunUntilQuiet());
    world.CrashDevice("phone");
    world.CopyDevice("phone", "copy");
    const std::string second = first == "phone" ? "copy" : "phone";
    world.network().Partition("copy");
    world.network().Partition("phone");
    world.StartDevice("phone");
    world.Append("phone", Line("by-phone", "milk"));
    world.Append("copy", Line("by-copy", "milk"));
    world.CrashDevice(second);
    world.network().Heal();
    ASSERT_TRUE(world.RunUntilQuiet()) << world.State();
    world.StartDevice(second);
    ASSERT_TRUE(world.RunUntilQuiet()) << world.State();
    EXPECT_EQ(world.Problems(), "");
    EXPECT_EQ(world.device(first).Status().logs[0].names.size(), 1u);
    const auto names = world.device(second).Status().logs[0].names;
    ASSERT_EQ(names.size(), 2u);
    EXPECT_EQ(names[1].after, Count(1));
    EXPECT_FALSE(names[1].why.empty());
  }
}

TEST_F(ClonesScenario, I29_WhatWasPendingWhenTheDiskWasCopiedIsThereOnce) {
  world_.network().Partition("phone");
  Sell("phone", "pending", 3);
  Copy("phone", "copy");
  world_.network().Heal();
  world_.StartDevice("phone");
  Sell("phone", "by-phone", 2);
  SyncAll();
  world_.StartDevice("copy");
  Sell("copy", "by-copy", 1);
  SyncAll();
  EXPECT_EQ(UnitsOf("pending"), 3);
  EXPECT_EQ(UnitsOf("by-phone"), 2);
  EXPECT_EQ(UnitsOf("by-copy"), 1);
  EXPECT_EQ(Head(), 6u);
}

// A copy of a copy that has not synced: what the two have in common moves to one new log.
TEST_F(ClonesScenario, I29_CopiesThatMoveTheSameWorkMoveItToTheSameLog) {
  Sell("phone", "before");
  ASSERT_TRUE(world_.RunUntilQuiet());
  Copy("phone", "copy");
  world_.StartDevice("phone");
  Sell("phone", "by-phone");
  SyncAll();
  world_.network().Partition("copy");
  world_.StartDevice("copy");
  Sell("copy", "by-copy", 3);
  Copy("copy", "copy-of-copy");
  world_.network().Heal();
  world_.StartDevice("copy");
  Sell("copy", "by-copy-alone");
  SyncAll();
  world_.StartDevice("copy-of-copy");
  Sell("copy-of-copy", "by-the-third");
  SyncAll();
  EXPECT_EQ(UnitsOf("by-copy"), 3);
  EXPECT_EQ(UnitsOf("by-copy-alone"), 1);
  EXPECT_EQ(UnitsOf("by-the-third"), 1);
  EXPECT_EQ(Head(), 7u);
}

TEST_F(ClonesScenario, I31_AnOldBackupOfAPhoneNeverReusesACount) {
  Sell("phone", "monday", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  Copy("phone", "backup");
  world_.StartDevice("phone");
  Sell("phone", "tuesday", 5);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.CrashDevice("phone");  // for good
  world_.StartDevice("backup");
  SyncAll();
  EXPECT_EQ(UnitsOf("tuesday", "backup"), 5);  // by the feed
  Sell("backup", "wednesday", 3);
  SyncAll();
  EXPECT_EQ(UnitsOf("wednesday"), 3);
  EXPECT_EQ(Head(), 10u);
  const auto names = world_.device("backup").Status().logs[0].names;
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[1].after, Count(2));
  // What it never recorded it does not claim to have.
  const auto tuesday = world_.acknowledged("phone").back();
  EXPECT_TRUE(absl::IsNotFound(world_.device("backup").Find(tuesday.second).status()));
}

TEST_F(ClonesScenario, I31_AnOldBackupWithPendingWorkKeepsIt) {
  Sell("phone", "monday", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.network().Partition("phone");
  Sell("phone", "shared", 2);
  Copy("phone", "backup");
  world_.network().Heal();
  world_.StartDevice("phone");
  Sell("phone", "tuesday", 5);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.CrashDevice("phone");
  world_.network().Partition("backup");
  world_.StartDevice("backup");
  Sell("backup", "wednesday", 3);
  EXPECT_EQ(UnitsOf("shared", "backup"), 2);
  world_.network().Heal();
  SyncAll();
  EXPECT_EQ(UnitsOf("shared"), 2);
  EXPECT_EQ(UnitsOf("tuesday"), 5);
  EXPECT_EQ(UnitsOf("wednesday"), 3);
  EXPECT_EQ(Head(), 12u);
}

TEST_F(ClonesScenario, I24_TwoThatRunAtTheSameTimeComeApartAndDoNotTakeOverForEver) {
  Sell("phone", "before");
  ASSERT_TRUE(world_.RunUntilQuiet());
  Copy("phone", "copy");
  world_.StartDevice("phone");
  world_.StartDevice("copy");
  SyncAll();
  world_.RunFor(absl::Minutes(10));
  EXPECT_EQ(NamesOf("phone") + NamesOf("copy"), 3u);
  const auto records = world_.server().Devices("shop");
  for (const DeviceRecord& record : *records) {
    EXPECT_LE(record.session(), 8u) << record.device();
  }
  Sell("phone", "by-phone", 2);
  Sell("copy", "by-copy", 2);
  SyncAll();
  EXPECT_EQ(Head(), 5u);
}

TEST_F(ClonesScenario, I24_APhoneThatWasPausedCannotWriteUnderItsOldSession) {
  Sell("phone", "before");
  ASSERT_TRUE(world_.RunUntilQuiet());
  const LogId shared = LogOf("phone");
  Copy("phone", "copy");
  world_.StartDevice("phone");
  ASSERT_TRUE(world_.RunUntilQuiet());
  Sell("phone", "by-phone", 2);  // about to be pushed
  world_.PauseDevice("phone");
  world_.StartDevice("copy");
  Sell("copy", "by-copy", 3);
  world_.RunFor(absl::Minutes(20));
  EXPECT_EQ(Head(), 4u);
  world_.ResumeDevice("phone");
  SyncAll();
  EXPECT_EQ(LogOf("copy"), shared);
  EXPECT_EQ(NamesOf("phone"), 2u);
  EXPECT_EQ(UnitsOf("by-phone"), 2);
  EXPECT_EQ(UnitsOf("by-copy"), 3);
  EXPECT_EQ(Head(), 6u);
}

TEST_F(ClonesScenario, I31_AReinstalledPhoneIsAnotherInstallation) {
  Sell("phone", "before");
  ASSERT_TRUE(world_.RunUntilQuiet());
  const LogId old = LogOf("phone");
  world_.CrashDevice("phone");
  world_.EraseDevice("phone");
  world_.StartDevice("phone");
  Sell("phone", "after");
  SyncAll();
  EXPECT_NE(LogOf("phone"), old);
  EXPECT_EQ(Installations().size(), 3u);
  EXPECT_EQ(UnitsOf("before"), 1);
  EXPECT_EQ(UnitsOf("after"), 1);
}

// The two change one price after the copy: neither has seen the other's, and a person decides.
TEST_F(ClonesScenario, I29_WhatTwoCopiesDoToOneThingIsNoOnesOwn) {
  world_.Append("phone", Price("milk", 1));
  ASSERT_TRUE(world_.RunUntilQuiet());
  Copy("phone", "copy");
  world_.network().Partition("phone");
  world_.network().Partition("copy");
  world_.StartDevice("phone");
  world_.StartDevice("copy");
  world_.Append("phone", Price("milk", 2));
  world_.Append("copy", Price("milk", 3));
  world_.network().Heal();
  SyncAll();
  EXPECT_EQ(world_.device("phone").Status().counts.conflicted +
                world_.device("copy").Status().counts.conflicted,
            1u);
}

// The backup was taken before the two came apart: what they had in common they bring back once, and
// come apart again.
TEST_F(ClonesScenario, I30_ARestoredServerGetsBackWhatCopiesHave) {
  Sell("phone", "before", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string backup = world_.BackUpServer();
  Sell("phone", "shared", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  Copy("phone", "copy");
  world_.StartDevice("phone");
  Sell("phone", "by-phone", 3);
  SyncAll();
  world_.StartDevice("copy");
  Sell("copy", "by-copy", 4);
  SyncAll();
  EXPECT_EQ(NamesOf("copy"), 2u);
  world_.CrashServer();
  world_.RestoreServer(backup);
  SyncAll();
  EXPECT_EQ(UnitsOf("shared"), 2);
  EXPECT_EQ(UnitsOf("by-phone"), 3);
  EXPECT_EQ(UnitsOf("by-copy"), 4);
  EXPECT_EQ(Head(), 11u);
}

// Why the phone had left the log is lost, too; an older copy, that had never left it, comes first.
TEST_F(ClonesScenario, I30_WhatAnOlderCopyBroughtUnderTheFormerNameIsNotBroughtAgain) {
  const std::string backup = world_.BackUpServer();
  Copy("phone", "rival");
  world_.StartDevice("rival");
  Sell("rival", "by-rival");
  SyncAll();
  world_.network().Partition("phone");
  world_.StartDevice("phone");
  Sell("phone", "common", 2);
  Copy("phone", "older");
  world_.network().Heal();
  world_.StartDevice("phone");
  SyncAll();
  EXPECT_EQ(NamesOf("phone"), 2u);
  world_.CrashDevice("phone");
  world_.CrashDevice("rival");
  world_.RestoreServer(backup);
  world_.StartDevice("older");
  Sell("older", "by-older");
  SyncAll();
  world_.StartDevice("phone");
  Sell("phone", "by-phone");
  world_.StartDevice("rival");
  SyncAll();
  EXPECT_EQ(UnitsOf("common"), 2);
  EXPECT_EQ(UnitsOf("by-older"), 1);
  EXPECT_EQ(UnitsOf("by-phone"), 1);
  EXPECT_EQ(UnitsOf("by-rival"), 1);
  EXPECT_EQ(Head(), 5u);
}

// Two that do nothing come apart by chance. What is recorded after that stays under that name,
// whatever the other one brings first under the name that both had.
TEST_F(ClonesScenario, I30_ANameByChanceIsTakenAgain) {
  const std::string backup = world_.BackUpServer();
  Sell("phone", "before", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string left = PartByChance();
  const std::string stayed = left == "phone" ? "other" : "phone";
  Sell(left, "of-the-left", 2);
  SyncAll();
  const LogId by_chance = LogOf(left);
  Copy(left, "twin");
  world_.CrashDevice(stayed);
  world_.RestoreServer(backup);
  world_.StartDevice(left);
  SyncAll();
  EXPECT_EQ(LogOf(left), by_chance);
  world_.StartDevice(stayed);
  Sell(stayed, "of-the-stayed", 3);
  SyncAll();
  world_.StartDevice("twin");
  Sell("twin", "of-the-twin", 1);
  SyncAll();
  EXPECT_EQ(UnitsOf("before"), 2);
  EXPECT_EQ(UnitsOf("of-the-left"), 2);
  EXPECT_EQ(UnitsOf("of-the-stayed"), 3);
  EXPECT_EQ(UnitsOf("of-the-twin"), 1);
  EXPECT_EQ(Head(), 8u);
}

// Neither the name by chance, under which nothing was recorded, nor the one before is right then.
TEST_F(ClonesScenario, I30_WhatWasLeftByChanceMayComeApartAtAnEarlierCount) {
  const std::string backup = world_.BackUpServer();
  Sell("phone", "first");
  ASSERT_TRUE(world_.RunUntilQuiet());
  Copy("phone", "rival");
  world_.StartDevice("phone");
  Sell("phone", "before", 2);
  ASSERT_TRUE(world_.RunUntilQuiet());
  const std::string left = PartByChance();
  world_.CrashDevice("phone");
  world_.CrashDevice("other");
  world_.RestoreServer(backup);
  world_.StartDevice("rival");
  Sell("rival", "by-rival");
  SyncAll();
  world_.StartDevice(left);
  SyncAll();
  Sell(left, "later", 2);
  SyncAll();
  EXPECT_EQ(UnitsOf("first"), 1);
  EXPECT_EQ(UnitsOf("before"), 2);
  EXPECT_EQ(UnitsOf("later"), 2);
  EXPECT_EQ(Head(), 6u);
}

// ---- any schedule

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : world_(seed), random_(seed) {
    world_.StartServer();
    world_.AddDevice("phone-0");
    world_.AddDevice("office", /*all_scopes=*/true);
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) Step();
    world_.network().Heal();
    if (!world_.server_runs()) world_.StartServer();
    for (const std::string& name : world_.devices()) {
      if (!world_.device_runs(name)) world_.StartDevice(name);
    }
  }
  World& world() { return world_; }
  const std::string& story() const { return story_; }

 private:
  std::string Any() { return Cat("phone-", random_.Below(phones_)); }
  void Tell(const std::string& what) { story_ += Cat(what, "; "); }

  void Step() {
    const std::string name = Any();
    const bool runs = world_.device_runs(name);
    switch (random_.Below(10)) {
      case 0:
        if (!runs) break;
        world_.CrashDevice(name);
        return Tell(Cat(name, " stops"));
      case 1:
      case 2:
        if (runs) break;
        world_.StartDevice(name);
        return Tell(Cat(name, " starts"));
      case 3:
        if (runs || phones_ == 5) break;
        world_.CopyDevice(name, Cat("phone-", phones_));
        return Tell(Cat("phone-", phones_++, " is a copy of ", name));
      case 4:
        world_.network().Partition(name);
        return Tell(Cat(name, " is cut off"));
      case 5:
        if (random_.Below(3) == 0) world_.network().DropReplies(name);
        break;
      case 6:
        world_.network().Heal();
        return Tell("healed");
      case 7:
        if (random_.Below(4) != 0) break;
        world_.CrashServer();
        world_.StartServer();
        return Tell("the server restarts");
      default:
        break;
    }
    if (runs) {
      for (uint64_t i = 0; i <= random_.Below(3); ++i) {
        world_.Append(name, Line(Cat("order-", random_.Below(4)), "milk"));
      }
      Tell(Cat(name, " sells"));
    }
    world_.RunFor(absl::Milliseconds(random_.Below(4) == 0 ? 5000 : random_.Below(200)));
  }

  World world_;
  SeededRandom random_;
  uint64_t phones_ = 1;
  std::string story_;
};

TEST(ClonesSchedules, I29_WhoeverIsCopiedWheneverEveryIntentIsThereOnce) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Schedule schedule(seed);
    schedule.Run(80);
    ASSERT_TRUE(schedule.world().RunUntilQuiet())
        << "seed " << seed << ": " << schedule.story() << "\n"
        << schedule.world().State();
    ASSERT_EQ(schedule.world().Problems(), "") << "seed " << seed << ": " << schedule.story();
  }
}

}  // namespace
}  // namespace intentlog::scenario
