#include "eventlog/runtime/manual_executor.h"

#include <functional>
#include <string>

#include "gtest/gtest.h"

namespace intentlog {
namespace {

class ManualExecutorTest : public testing::Test {
 protected:
  Task Note(char c) {
    return [this, c] { order_.push_back(c); };
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  std::string order_;
};

TEST_F(ManualExecutorTest, NothingRunsUntilTold) {
  executor_.Post(Note('a'));
  EXPECT_EQ(order_, "");
  EXPECT_EQ(executor_.pending(), 1u);
  EXPECT_EQ(executor_.RunUntilIdle(), 1u);
  EXPECT_EQ(order_, "a");
  EXPECT_EQ(executor_.pending(), 0u);
}

TEST_F(ManualExecutorTest, TasksRunByDueAndThenByPostingNumber) {
  executor_.PostAfter(absl::Seconds(2), Note('e'));
  executor_.PostAfter(absl::Seconds(1), Note('c'));
  executor_.Post(Note('a'));
  executor_.PostAfter(absl::Seconds(1), Note('d'));
  executor_.PostAfter(absl::ZeroDuration(), Note('b'));
  executor_.RunFor(absl::Seconds(2));
  EXPECT_EQ(order_, "abcde");
}

TEST_F(ManualExecutorTest, AnOverdueTimerComesBeforeATaskPostedLater) {
  executor_.PostAfter(absl::Seconds(1), Note('a'));
  clock_.Advance(absl::Seconds(5));
  executor_.Post(Note('b'));
  executor_.RunUntilIdle();
  EXPECT_EQ(order_, "ab");
}

TEST_F(ManualExecutorTest, RunForEndsAtItsEndAndSeesTheTimeOfEachTask) {
  const absl::Duration start = clock_.Passed();
  absl::Duration seen;
  executor_.PostAfter(absl::Seconds(3), [&] { seen = clock_.Passed() - start; });
  executor_.PostAfter(absl::Seconds(11), Note('x'));
  executor_.RunFor(absl::Seconds(10));
  EXPECT_EQ(seen, absl::Seconds(3));
  EXPECT_EQ(clock_.Passed() - start, absl::Seconds(10));
  EXPECT_EQ(order_, "");
  EXPECT_EQ(*executor_.next_due() - start, absl::Seconds(11));
}

TEST_F(ManualExecutorTest, ATaskThatPostsItselfAgainRunsOncePerPeriod) {
  int beats = 0;
  std::function<void()> beat = [&] {
    ++beats;
    executor_.PostAfter(absl::Seconds(1), [&] { beat(); });
  };
  beat();
  executor_.RunFor(absl::Minutes(1));
  EXPECT_EQ(beats, 61);
}

TEST_F(ManualExecutorTest, ACancelledTimerDoesNotRun) {
  const Executor::TimerId timer = executor_.PostAfter(absl::Seconds(1), Note('x'));
  executor_.Cancel(timer);
  executor_.Cancel(timer);
  executor_.RunFor(absl::Hours(1));
  EXPECT_EQ(order_, "");
}

TEST_F(ManualExecutorTest, RunUntilEmptyFollowsAChainOfTimersUpToItsLimit) {
  executor_.PostAfter(absl::Hours(1), [&] { executor_.PostAfter(absl::Hours(1), Note('a')); });
  EXPECT_FALSE(executor_.RunUntilEmpty(absl::Minutes(90)));
  EXPECT_TRUE(executor_.RunUntilEmpty(absl::Hours(1)));
  EXPECT_EQ(order_, "a");
}

TEST_F(ManualExecutorTest, DropAllForgetsWhatHasNotStarted) {
  executor_.Post(Note('x'));
  executor_.PostAfter(absl::Seconds(1), Note('x'));
  executor_.DropAll();
  executor_.RunFor(absl::Seconds(2));
  EXPECT_EQ(order_, "");
}

TEST(ManualClockTest, WallTimeJumpsAndPassedTimeDoesNot) {
  ManualClock clock(absl::FromUnixSeconds(1000));
  const absl::Duration start = clock.Passed();
  clock.Advance(absl::Seconds(5));
  clock.JumpWall(-absl::Hours(24 * 3650));
  EXPECT_EQ(clock.Passed() - start, absl::Seconds(5));
  EXPECT_EQ(clock.WallNow(), absl::FromUnixSeconds(1005) - absl::Hours(24 * 3650));
  clock.SetWall(absl::FromUnixSeconds(7));
  EXPECT_EQ(clock.WallMicros(), 7'000'000);
  EXPECT_EQ(clock.Passed() - start, absl::Seconds(5));
}

}  // namespace
}  // namespace intentlog
