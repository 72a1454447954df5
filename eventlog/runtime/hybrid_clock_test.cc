#include "eventlog/runtime/hybrid_clock.h"

#include "eventlog/runtime/manual_clock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class HybridClockTest : public testing::Test {
 protected:
  // The timestamp of a machine whose clock is `ahead` of ours.
  uint64_t Elsewhere(absl::Duration ahead) {
    return static_cast<uint64_t>(absl::ToUnixMillis(clock_.WallNow() + ahead)) << 16;
  }

  ManualClock clock_;
  HybridClock hybrid_{clock_};
};

TEST_F(HybridClockTest, ATimestampIsTheWallTimeInMilliseconds) {
  EXPECT_EQ(hybrid_.Now(), Elsewhere(absl::ZeroDuration()));
  EXPECT_EQ(HybridClock::TimeOf(hybrid_.Now()), clock_.WallNow());
}

TEST_F(HybridClockTest, TimestampsGrowWhileTheClockStandsStill) {
  const uint64_t first = hybrid_.Now();
  EXPECT_EQ(hybrid_.Now(), first + 1);
  EXPECT_EQ(hybrid_.Now(), first + 2);
}

TEST_F(HybridClockTest, I23_TimestampsGrowWhenTheClockStepsBackTenYears) {
  const uint64_t first = hybrid_.Now();
  clock_.JumpWall(-absl::Hours(24 * 3652));
  EXPECT_GT(hybrid_.Now(), first);
}

TEST_F(HybridClockTest, AFullCounterCarriesIntoTheMilliseconds) {
  const uint64_t first = hybrid_.Now();
  for (int i = 0; i < 65535; ++i) hybrid_.Now();
  EXPECT_EQ(hybrid_.Now(), first + 65536);
  EXPECT_EQ(HybridClock::TimeOf(hybrid_.last()), clock_.WallNow() + absl::Milliseconds(1));
}

TEST_F(HybridClockTest, WhatComesAfterASeenTimestampIsGreater) {
  const uint64_t seen = Elsewhere(absl::Minutes(4));
  ASSERT_TRUE(hybrid_.See(seen).ok());
  EXPECT_EQ(hybrid_.Now(), seen + 1);
}

TEST_F(HybridClockTest, AnOldSeenTimestampChangesNothing) {
  const uint64_t first = hybrid_.Now();
  ASSERT_TRUE(hybrid_.See(Elsewhere(-absl::Hours(1))).ok());
  EXPECT_EQ(hybrid_.last(), first);
}

TEST_F(HybridClockTest, ATimestampTooFarAheadIsRefusedAndChangesNothing) {
  const uint64_t first = hybrid_.Now();
  ASSERT_TRUE(hybrid_.See(Elsewhere(absl::Minutes(5))).ok());
  const absl::Status status = hybrid_.See(Elsewhere(absl::Minutes(5) + absl::Milliseconds(1)));
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_NE(status.message().find("300001 ms ahead"), absl::string_view::npos) << status;
  EXPECT_EQ(hybrid_.See(~uint64_t{0}).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(hybrid_.last(), Elsewhere(absl::Minutes(5)));
  EXPECT_GT(hybrid_.Now(), first);
}

TEST_F(HybridClockTest, ARestartDoesNotFallBehindWhatWasStored) {
  const uint64_t stored = Elsewhere(absl::Hours(3));
  HybridClock restarted(clock_, {}, stored);
  EXPECT_EQ(restarted.Now(), stored + 1);
}

}  // namespace
}  // namespace intentlog
