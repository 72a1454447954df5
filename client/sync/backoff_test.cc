#include "client/sync/backoff.h"

#include "gtest/gtest.h"

namespace intentlog {
namespace {

TEST(BackoffTest, TheFirstTryDoesNotWait) {
  EXPECT_EQ(RetryDelay({}, 0, 0.99, absl::ZeroDuration()), absl::ZeroDuration());
}

TEST(BackoffTest, TheCeilingDoublesUpToTheCap) {
  const BackoffOptions options{absl::Seconds(1), absl::Seconds(10), absl::Hours(1)};
  EXPECT_EQ(RetryCeiling(options, 1), absl::Seconds(1));
  EXPECT_EQ(RetryCeiling(options, 2), absl::Seconds(2));
  EXPECT_EQ(RetryCeiling(options, 4), absl::Seconds(8));
  EXPECT_EQ(RetryCeiling(options, 5), absl::Seconds(10));
}

TEST(BackoffTest, NoNumberOfAttemptsOverflows) {
  for (const uint64_t attempts : {41u, 64u, 65u, 1000000u}) {
    EXPECT_EQ(RetryCeiling({}, attempts), absl::Minutes(5));
  }
  EXPECT_EQ(RetryCeiling({}, UINT64_MAX), absl::Minutes(5));
}

TEST(BackoffTest, JitterIsFull) {
  const BackoffOptions options{absl::Seconds(8), absl::Minutes(5), absl::Hours(1)};
  EXPECT_EQ(RetryDelay(options, 1, 0.0, absl::ZeroDuration()), absl::ZeroDuration());
  EXPECT_EQ(RetryDelay(options, 1, 0.25, absl::ZeroDuration()), absl::Seconds(2));
  EXPECT_LT(RetryDelay(options, 1, 0.999999, absl::ZeroDuration()), absl::Seconds(8));
}

TEST(BackoffTest, AServersDelayWinsWhateverTheJitter) {
  EXPECT_EQ(RetryDelay({}, 1, 0.0, absl::Seconds(30)), absl::Seconds(30));
  EXPECT_EQ(RetryDelay({}, 60, 0.9, absl::Milliseconds(5)), absl::Milliseconds(5));
}

TEST(BackoffTest, AServerMayNotSilenceADeviceForGood) {
  EXPECT_EQ(RetryDelay({}, 1, 0.0, absl::InfiniteDuration()), absl::Hours(1));
}

}  // namespace
}  // namespace intentlog
