#include "server/admit/clock.h"

#include <limits>
#include <memory>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema_maker.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr int64_t kSkewMaxUs = 5000;

class ClockTest : public testing::Test {
 protected:
  ClockTest() {
    SchemaMaker maker("timed.proto", "timed");
    maker.Event("Timed", R"(entity: "e" key: "id" concurrent: LAST_WRITER_WINS
                            clock: DEVICE max_skew_ms: 5)",
                {{"id", 1, "string", ""}});
    maker.Event("Plain", R"(entity: "e" key: "id")", {{"id", 1, "string", ""}});
    schema_ = *Schema::FromDescriptorSet(maker.Bytes());
    intent_.set_device_time_us(700'000);
    intent_.set_clock_steps(3);
    clock_ = {true, 1000, 2000, 3, 3, 1'000'000};
  }

  std::optional<int64_t> Time() const {
    return TrustedTime(*schema_->Find("Timed"), intent_, clock_);
  }

  std::shared_ptr<const Schema> schema_;
  Intent intent_;
  ClockFacts clock_;
};

TEST_F(ClockTest, ATrustedTimeIsTheDevicesLessTheSkewAfterIt) {
  EXPECT_EQ(Time(), 698'000);
  clock_.skew_after_us = -2000;
  EXPECT_EQ(Time(), 702'000);
}

TEST_F(ClockTest, ATypeWithTheServersClockHasNone) {
  EXPECT_EQ(TrustedTime(*schema_->Find("Plain"), intent_, clock_), std::nullopt);
}

TEST_F(ClockTest, WithoutAHelloOnEitherSideNothingIsKnown) {
  clock_.known = false;
  EXPECT_EQ(Time(), std::nullopt);
}

TEST_F(ClockTest, BothSkewsLieWithinTheTypesBound) {
  const int64_t least = std::numeric_limits<int64_t>::min();
  const int64_t greatest = std::numeric_limits<int64_t>::max();
  for (int64_t ClockFacts::*skew : {&ClockFacts::skew_before_us, &ClockFacts::skew_after_us}) {
    for (const int64_t good : {-kSkewMaxUs, int64_t{0}, kSkewMaxUs}) {
      clock_.*skew = good;
      EXPECT_TRUE(Time().has_value()) << good;
    }
    for (const int64_t bad : {-kSkewMaxUs - 1, kSkewMaxUs + 1, least, greatest}) {
      clock_.*skew = bad;
      EXPECT_EQ(Time(), std::nullopt) << bad;
    }
    clock_.*skew = 0;
  }
}

TEST_F(ClockTest, I33_ASkewIsOfAnyClockThereIs) {
  const int64_t now = 1'767'225'600'000'000;  // in 2026
  EXPECT_EQ(SkewOf(now + 5, now), 5);
  EXPECT_EQ(SkewOf(now - 5, now), -5);
  EXPECT_EQ(SkewOf(0, now), -now);
  const int64_t most = SkewOf(std::numeric_limits<int64_t>::max(), now);
  EXPECT_EQ(SkewOf(std::numeric_limits<int64_t>::min(), now), -most);
  EXPECT_GT(most, now * 1000);
  EXPECT_LT(most, std::numeric_limits<int64_t>::max() - now);
}

TEST_F(ClockTest, AStepOfTheClockAtAnyTimeInBetweenMakesItUntrusted) {
  clock_.steps_before = 2;
  EXPECT_EQ(Time(), std::nullopt);
  clock_.steps_before = 3;
  clock_.steps_after = 4;
  EXPECT_EQ(Time(), std::nullopt);
  clock_.steps_before = 4;  // before the hello, and the intent is older than that
  EXPECT_EQ(Time(), std::nullopt);
}

TEST_F(ClockTest, WhatComesFasterThanTheHelloDidIsOfNow) {
  clock_.skew_after_us = -3000;  // the hello took 3 ms
  intent_.set_device_time_us(999'000);
  EXPECT_EQ(Time(), 1'000'000);
  intent_.set_device_time_us(996'000);
  EXPECT_EQ(Time(), 999'000);
}

TEST_F(ClockTest, I23_ATimeFarAfterTheServersOrOutsideOfAnyClockIsNotTrusted) {
  clock_.skew_after_us = 0;
  const int64_t least = std::numeric_limits<int64_t>::min();
  const int64_t greatest = std::numeric_limits<int64_t>::max();
  for (const int64_t bad : {1'000'001 + kSkewMaxUs, int64_t{0}, int64_t{-5}, least, greatest}) {
    intent_.set_device_time_us(bad);
    EXPECT_EQ(Time(), std::nullopt) << bad;
  }
  for (const int64_t good : {int64_t{1'000'000}, 1'000'000 + kSkewMaxUs}) {
    intent_.set_device_time_us(good);
    EXPECT_EQ(Time(), 1'000'000);
  }
}

}  // namespace
}  // namespace intentlog
