#include "client/conditions/clock_watch.h"

#include <filesystem>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/manual_clock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class ClockWatchTest : public testing::Test {
 protected:
  ClockWatchTest()
      : dir_(testing::TempDir() + "/clock_" +
             testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(dir_);
    Reopen();
  }
  ~ClockWatchTest() override {
    watch_.reset();
    store_.reset();
    std::filesystem::remove_all(dir_);
  }

  void Reopen(const WallSeen& seen = {}) {
    watch_.reset();
    store_.reset();
    StoreOptions options;
    options.role = "device";
    auto store = Store::Open(dir_, options);
    INTENTLOG_CHECK(store.ok());
    store_ = *std::move(store);
    auto watch = ClockWatch::Open(*store_, clock_, seen, ClockWatchOptions());
    INTENTLOG_CHECK(watch.ok());
    watch_ = *std::move(watch);
  }

  ManualClock clock_;
  const std::string dir_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ClockWatch> watch_;
};

TEST_F(ClockWatchTest, AClockThatRunsMakesNoSteps) {
  for (int hour = 0; hour < 100; ++hour) {
    clock_.Advance(absl::Hours(1));
    clock_.JumpWall(absl::Milliseconds(500));  // slewed
    EXPECT_EQ(*watch_->Look(), 0u);
  }
}

TEST_F(ClockWatchTest, StepsBothWaysAreNotedOnceEachAndKept) {
  clock_.JumpWall(absl::Seconds(3));
  EXPECT_EQ(*watch_->Look(), 1u);
  EXPECT_EQ(*watch_->Look(), 1u);
  clock_.JumpWall(-absl::Minutes(40));
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(*watch_->Look(), 2u);
  Reopen();
  EXPECT_EQ(watch_->steps(), 2u);
  EXPECT_EQ(*watch_->Look(), 2u);
}

TEST_F(ClockWatchTest, AStepThatIsSmallAgainstTheTimeSinceIsDrift) {
  clock_.Advance(absl::Hours(24));
  clock_.JumpWall(absl::Seconds(30));
  EXPECT_EQ(*watch_->Look(), 0u);
  clock_.JumpWall(absl::Seconds(30));
  EXPECT_EQ(*watch_->Look(), 1u);
}

TEST_F(ClockWatchTest, OverARestartAStepBackIsNotedAndTimeThatPassedIsNot) {
  ASSERT_TRUE(watch_->Note().ok());
  clock_.Advance(absl::Hours(9));
  Reopen();
  EXPECT_EQ(watch_->steps(), 0u);
  ASSERT_TRUE(watch_->Note().ok());
  clock_.JumpWall(-absl::Hours(1));
  Reopen();
  EXPECT_EQ(watch_->steps(), 1u);
  Reopen();
  EXPECT_EQ(watch_->steps(), 1u);
  Reopen({1, clock_.WallNow() + absl::Hours(1)});  // an intent on record is of a later time
  EXPECT_EQ(watch_->steps(), 2u);
  Reopen({1, clock_.WallNow() + absl::Hours(1)});  // and of before that step
  EXPECT_EQ(watch_->steps(), 2u);
}

}  // namespace
}  // namespace intentlog
