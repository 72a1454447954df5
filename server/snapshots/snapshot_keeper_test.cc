// Snapshots of a running server: taken when the policy says so, beside everything else.
#include "server/snapshots/snapshot_keeper.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/text.h"
#include "server/life_world.h"
#include "server/snapshots/snapshot_policy.h"

namespace intentlog {
namespace {

TEST(SnapshotPolicyTest, OneIsDueByEventsBytesOrTimeAndNeverTooSoon) {
  SnapshotPolicy policy;
  const auto due = [&](uint64_t events, uint64_t bytes, absl::Duration passed,
                       absl::Duration took = absl::ZeroDuration()) {
    return SnapshotDueIn(policy, {events, bytes, passed, took, 0});
  };
  EXPECT_EQ(due(0, 0, absl::Hours(9)), absl::InfiniteDuration());
  EXPECT_EQ(due(1, 99, absl::Minutes(20)), absl::Minutes(40));
  EXPECT_EQ(due(1, 99, absl::Minutes(61)), absl::ZeroDuration());
  EXPECT_EQ(due(50'000, 99, absl::Seconds(15)), absl::Seconds(45));
  EXPECT_EQ(due(50'000, 99, absl::Seconds(61)), absl::ZeroDuration());
  EXPECT_EQ(due(10, 64 << 20, absl::Seconds(61)), absl::ZeroDuration());
  EXPECT_EQ(due(50'000, 99, absl::Seconds(61), absl::Seconds(6)), absl::Seconds(59));
  const auto again = [&](int failures) {
    return SnapshotDueIn(policy, {1, 1, absl::ZeroDuration(), absl::ZeroDuration(), failures});
  };
  EXPECT_EQ(again(1), absl::Minutes(1));
  EXPECT_EQ(again(2), absl::Minutes(2));
  EXPECT_EQ(again(40), absl::Hours(1));
}

ServerOptions OptionsOf(uint64_t events) {
  ServerOptions options;
  options.snapshots.events = events;
  options.snapshots.interval_min = absl::Seconds(10);
  options.snapshots.free_bytes_min = 0;
  options.snapshots.keep = {.newest = 2, .days = 0};
  options.silence_max = absl::Hours(24);
  return options;
}

class SnapshotKeeperTest : public testing::Test {
 protected:
  explicit SnapshotKeeperTest(uint64_t events = 20) : world_(OptionsOf(events)) {
    world_.Connect({&till_});
  }

  void Sell(int lines) {
    for (int i = 0; i < lines; ++i) {
      const std::string product = Cat("product-", sold_++ % 7);
      world_.Do(till_, Moved(product, 1), "stock", product);
    }
    RunFor(absl::Milliseconds(500));
  }
  void RunFor(absl::Duration duration) { world_.server().RunFor(duration); }
  std::vector<FoundSnapshot> List() { return (*world_.server()->Snapshots("default"))->List(); }
  std::string Positions() {
    std::string all;
    for (const auto& one : List()) all += Cat(" ", one.position, one.status.ok() ? "" : "!");
    return all;
  }
  absl::StatusOr<FoundSnapshot> Take() {
    std::optional<absl::StatusOr<FoundSnapshot>> taken;
    world_.server()->TakeSnapshot("default", [&](auto result) { taken = std::move(result); });
    world_.Run();
    return taken.value_or(absl::UnknownError("no answer"));
  }
  std::string Dir() { return ServerSnapshotsDir(world_.server().options().dir, "default"); }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shared"}};
  int sold_ = 0;
};

TEST_F(SnapshotKeeperTest, ThePolicyTakesThemAndKeepsTheNewest) {
  Sell(25);
  EXPECT_EQ(Positions(), "");  // too soon
  RunFor(absl::Seconds(10));
  EXPECT_EQ(Positions(), " 25");
  Sell(10);
  RunFor(absl::Seconds(30));
  EXPECT_EQ(Positions(), " 25");  // too few
  RunFor(absl::Hours(1));
  EXPECT_EQ(Positions(), " 35 25");
  Sell(20);
  RunFor(absl::Seconds(10));
  EXPECT_EQ(Positions(), " 55 35");
  RunFor(absl::Hours(5));
  EXPECT_EQ(Positions(), " 55 35");  // nothing has changed
  EXPECT_TRUE(world_.server()->degraded().ok());
  for (const auto& one : List()) EXPECT_TRUE(one.file->Verify().ok());
  EXPECT_EQ(List()[0].file->info().views_size(),
            static_cast<int>(world_.server().options().projections.size()));
}

TEST_F(SnapshotKeeperTest, ARestartKnowsWhatThereIsAndRemovesWhatIsHalf) {
  Sell(25);
  RunFor(absl::Seconds(10));
  std::ofstream(Dir() + "/00000000000000000030.snapshot.tmp") << "half";
  world_.CrashAndReopen();
  RunFor(absl::Seconds(30));
  EXPECT_EQ(Positions(), " 25");
  EXPECT_FALSE(std::filesystem::exists(Dir() + "/00000000000000000030.snapshot.tmp"));
}

TEST_F(SnapshotKeeperTest, OneIsTakenWhenAskedForAndAgainOfTheSamePositionAfterASwitch) {
  EXPECT_TRUE(absl::IsFailedPrecondition(Take().status()));  // nothing is folded
  Sell(5);
  auto taken = Take();
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->position, Position(5));
  const auto before = taken->file;
  world_.server()->RebuildView("default", "stock", {}, [](const absl::Status&) {});
  RunFor(absl::Milliseconds(500));
  // Now what stands beside the live build is not in it; then the other one is live.
  for (const ViewSwitch how : {ViewSwitch::kActivate, ViewSwitch::kRollBack}) {
    taken = Take();
    ASSERT_TRUE(taken.ok()) << taken.status();
    EXPECT_EQ(taken->file->info().scopes(0).SerializeAsString(),
              before->info().scopes(0).SerializeAsString());
    EXPECT_EQ(Positions(), " 5");
    EXPECT_TRUE(before->Verify().ok());  // who reads the one before reads on
    world_.server()->SwitchView("default", "stock", how,
                                [](const absl::Status& done) { EXPECT_TRUE(done.ok()) << done; });
    RunFor(absl::Milliseconds(500));
  }
  EXPECT_TRUE(Take().ok());
}

TEST_F(SnapshotKeeperTest, AFailureIsToldAndTriedAgainAndTheServerGoesOn) {
  std::filesystem::create_directories(std::filesystem::path(Dir()).parent_path());
  std::ofstream(Dir()) << "a file where the folder should be";
  Sell(25);
  RunFor(absl::Seconds(11));
  EXPECT_FALSE(world_.server()->degraded().ok());
  EXPECT_TRUE(world_.server()->health().ok());
  Sell(5);
  std::filesystem::remove(Dir());
  RunFor(absl::Minutes(1));
  EXPECT_EQ(Positions(), " 30");
  EXPECT_TRUE(world_.server()->degraded().ok());
}

TEST_F(SnapshotKeeperTest, I20_ADamagedOneIsToldAndNeitherUsedNorCountedNorRemoved) {
  Sell(3);
  const std::string path = Take()->path;
  Sell(3);
  ASSERT_TRUE(Take().ok());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << "not a snapshot";
  for (int i = 0; i < 3; ++i) {
    Sell(3);
    ASSERT_TRUE(Take().ok());
  }
  EXPECT_EQ(Positions(), " 15 12 3!");
  EXPECT_NE(MessageOf(world_.server()->degraded()).find(path), std::string::npos);
  std::optional<absl::StatusOr<std::vector<FoundSnapshot>>> found;
  world_.server()->LookAtSnapshots("default", /*whole=*/true,
                                   [&](auto result) { found = std::move(result); });
  world_.Run();
  ASSERT_TRUE(found && found->ok());
  EXPECT_TRUE((**found)[0].status.ok() && (**found)[1].status.ok());
  EXPECT_TRUE(absl::IsDataLoss((**found)[2].status));
}

}  // namespace
}  // namespace intentlog
