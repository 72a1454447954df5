#include "server/fleet/device_health.h"

#include <string>

#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr int64_t kNow = 1'700'000'000'000'000;
constexpr absl::Duration kTick = absl::Microseconds(1);

int64_t Ago(absl::Duration age) { return kNow - absl::ToInt64Microseconds(age); }

class DeviceHealthTest : public ::testing::Test {
 protected:
  DeviceHealthTest() {
    facts_.record.set_device("till-1");
    facts_.record.set_last_seen_us(kNow);
  }

  void Pending(absl::Duration age, uint64_t count = 1) {
    health().set_pending(count);
    health().set_oldest_pending_time_us(Ago(age) + facts_.record.skew_us());
  }
  QueueHealth& health() { return *facts_.record.mutable_health(); }
  std::string Class() const { return HealthWord(Classified().health_class); }
  std::string Why() const { return Classified().why; }
  DeviceHealth Classified() const { return Classify(facts_, kNow, limits_); }

  HealthLimits limits_;
  DeviceFacts facts_;
};

TEST_F(DeviceHealthTest, ADeviceWithNothingToSayIsHealthy) {
  EXPECT_EQ(Class(), "healthy");
  EXPECT_EQ(Why(), "");
  EXPECT_EQ(Classified().oldest_pending_age, absl::ZeroDuration());
}

TEST_F(DeviceHealthTest, SilenceCountsFromTheLastWordAndNotWhileASessionLives) {
  facts_.record.set_last_seen_us(Ago(limits_.silent_after - kTick));
  EXPECT_EQ(Class(), "healthy");
  facts_.record.set_last_seen_us(Ago(limits_.silent_after));
  EXPECT_EQ(Class(), "silent");
  EXPECT_EQ(Why(), "not heard for 2 days");
  facts_.live = true;
  EXPECT_EQ(Class(), "healthy");
}

TEST_F(DeviceHealthTest, PendingWorkLagsAndThenIsStuck) {
  Pending(limits_.lagging_after - kTick);
  EXPECT_EQ(Class(), "healthy");
  Pending(limits_.lagging_after, 3);
  EXPECT_EQ(Class(), "lagging");
  EXPECT_EQ(Why(), "3 pending, the oldest for 1 h");
  Pending(limits_.stuck_after - kTick);
  EXPECT_EQ(Class(), "lagging");
  Pending(limits_.stuck_after);
  EXPECT_EQ(Class(), "stuck");
}

TEST_F(DeviceHealthTest, AnOldTimeWithoutPendingWorkMeansNothing) {
  Pending(limits_.stuck_after);
  health().set_pending(0);
  EXPECT_EQ(Class(), "healthy");
}

TEST_F(DeviceHealthTest, WhatAPolicyHoldsBackMayWaitLonger) {
  for (const char* kind : {"metered", "data-saver", "battery", "background", "manual"}) {
    health().set_blocked_kind(kind);
    Pending(limits_.stuck_after - kTick);
    EXPECT_EQ(Class(), "healthy") << kind;
    Pending(limits_.stuck_after);
    EXPECT_EQ(Class(), "lagging") << kind;
    Pending(limits_.held_stuck_after - kTick);
    EXPECT_EQ(Class(), "lagging") << kind;
    Pending(limits_.held_stuck_after);
    EXPECT_EQ(Class(), "stuck") << kind;
  }
}

TEST_F(DeviceHealthTest, WhatNoWaitingEndsIsStuckAtOnceWhereOthersLag) {
  for (const char* kind : {"auth", "refused", "forked", "store-failed", "schema-too-old"}) {
    health().set_blocked_kind(kind);
    Pending(limits_.lagging_after - kTick);
    EXPECT_EQ(Class(), "healthy") << kind;
    Pending(limits_.lagging_after);
    EXPECT_EQ(Class(), "stuck") << kind;
  }
  health().set_blocked_kind("offline");
  EXPECT_EQ(Class(), "lagging");
}

TEST_F(DeviceHealthTest, ADecisionThatAPersonOwesLagsAndThenIsStuck) {
  facts_.oldest_review_us = Ago(limits_.review_after - kTick);
  EXPECT_EQ(Class(), "lagging");
  facts_.oldest_review_us = Ago(limits_.review_after);
  EXPECT_EQ(Class(), "stuck");
  EXPECT_EQ(Why(), "a person's decision is waited for, for 4 h");
}

TEST_F(DeviceHealthTest, FailuresThatTheServerDoesNotHoldOpenAreSettled) {
  health().set_failed(1);
  health().set_conflicted(2);
  EXPECT_EQ(Class(), "healthy");
}

TEST_F(DeviceHealthTest, FailedAttemptsLagAndThenAreStuck) {
  health().set_attempts(limits_.lagging_attempts - 1);
  EXPECT_EQ(Class(), "healthy");
  health().set_attempts(limits_.lagging_attempts);
  EXPECT_EQ(Class(), "lagging");
  health().set_attempts(limits_.stuck_attempts - 1);
  EXPECT_EQ(Class(), "lagging");
  health().set_attempts(limits_.stuck_attempts);
  EXPECT_EQ(Class(), "stuck");
}

TEST_F(DeviceHealthTest, ALongQueueLagsWhateverItsAge) {
  Pending(absl::ZeroDuration(), limits_.lagging_pending - 1);
  EXPECT_EQ(Class(), "healthy");
  Pending(absl::ZeroDuration(), limits_.lagging_pending);
  EXPECT_EQ(Class(), "lagging");
}

TEST_F(DeviceHealthTest, TheDevicesClockIsCorrectedByItsSkew) {
  for (const absl::Duration skew : {absl::Hours(40), -absl::Hours(40), absl::Minutes(40)}) {
    facts_.record.set_skew_us(absl::ToInt64Microseconds(skew));
    Pending(limits_.lagging_after - kTick);
    EXPECT_EQ(Class(), "healthy");
    Pending(limits_.lagging_after);
    EXPECT_EQ(Class(), "lagging");
    EXPECT_EQ(Classified().oldest_pending_age, limits_.lagging_after);
    health().set_blocked_since_us(Ago(absl::Minutes(7)) + facts_.record.skew_us());
    EXPECT_EQ(Classified().blocked_age, absl::Minutes(7));
  }
}

TEST_F(DeviceHealthTest, TimesInTheFutureAndAbsurdOnesAreNoAge) {
  facts_.record.set_last_seen_us(kNow + 1'000'000);
  Pending(-absl::Hours(1));
  EXPECT_EQ(Class(), "healthy");
  for (const int64_t moment : {INT64_MAX, INT64_MIN}) {
    for (const int64_t skew : {INT64_MAX, INT64_MIN}) {
      facts_.record.set_skew_us(skew);
      facts_.record.set_last_seen_us(moment);
      health().set_oldest_pending_time_us(moment);
      health().set_blocked_since_us(moment);
      facts_.oldest_review_us = moment;
      EXPECT_NE(Class(), "unknown");
    }
  }
}

// Every combination of what each finding alone says: the worst holds.
TEST_F(DeviceHealthTest, TheWorstFindingHolds) {
  const auto rank = [](const std::string& word) {
    return word == "healthy" ? 0 : word == "lagging" ? 1 : word == "stuck" ? 2 : 3;
  };
  const auto set_age = [&](int level) {
    const absl::Duration ages[] = {absl::ZeroDuration(), limits_.lagging_after,
                                   limits_.stuck_after};
    Pending(ages[level]);
  };
  for (int silent = 0; silent < 2; ++silent) {
    for (int age = 0; age < 3; ++age) {
      for (int review = 0; review < 3; ++review) {
        for (int attempts = 0; attempts < 3; ++attempts) {
          facts_.record.set_last_seen_us(silent ? Ago(limits_.silent_after) : kNow);
          set_age(age);
          facts_.oldest_review_us = review == 0   ? 0
                                    : review == 1 ? kNow
                                                  : Ago(limits_.review_after);
          health().set_attempts(attempts == 0   ? 0
                                : attempts == 1 ? limits_.lagging_attempts
                                                : limits_.stuck_attempts);
          const int worst = silent ? 3 : std::max({age, review, attempts});
          EXPECT_EQ(rank(Class()), worst)
              << silent << " " << age << " " << review << " " << attempts;
          EXPECT_EQ(Why().empty(), worst == 0);
        }
      }
    }
  }
}

TEST(AgeWordsTest, UnitsAreWholeAndRoundedDown) {
  EXPECT_EQ(AgeWords(absl::Seconds(59.9)), "59 s");
  EXPECT_EQ(AgeWords(absl::Seconds(60)), "1 min");
  EXPECT_EQ(AgeWords(absl::Minutes(59)), "59 min");
  EXPECT_EQ(AgeWords(absl::Hours(47)), "47 h");
  EXPECT_EQ(AgeWords(absl::Hours(71)), "2 days");
}

}  // namespace
}  // namespace intentlog
