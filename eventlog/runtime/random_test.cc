#include "eventlog/runtime/random.h"

#include <algorithm>
#include <array>
#include <set>

#include "eventlog/runtime/text.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

TEST(RandomTest, ASeedGivesTheSameNumbersOnEveryMachine) {
  SeededRandom random(1);
  EXPECT_EQ(random.Next(), 0x910a2dec89025cc1u);
  EXPECT_EQ(random.Next(), 0xbeeb8da1658eec67u);
  SeededRandom bytes(1);
  EXPECT_EQ(Hex(bytes.Bytes(10)), "c15c0289ec2d0a9167ec");
}

TEST(RandomTest, BelowStaysBelowAndReachesEveryNumber) {
  SeededRandom random(7);
  std::array<int, 10> seen = {};
  for (int i = 0; i < 10'000; ++i) ++seen.at(random.Below(10));
  for (const int times : seen) EXPECT_NEAR(times, 1000, 150);
  EXPECT_EQ(random.Below(1), 0u);
  for (int i = 0; i < 100; ++i) EXPECT_LT(random.Below(~uint64_t{0}), ~uint64_t{0});
}

TEST(RandomTest, UnitLiesInItsInterval) {
  SeededRandom random(3);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double unit = random.Unit();
    ASSERT_GE(unit, 0.0);
    ASSERT_LT(unit, 1.0);
    sum += unit;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(RandomTest, BytesHasTheSizeAskedFor) {
  SeededRandom random(3);
  for (size_t size = 0; size < 40; ++size) EXPECT_EQ(random.Bytes(size).size(), size);
}

TEST(RandomTest, TheSystemsNumbersDoNotRepeat) {
  const auto random = MakeSystemRandom();
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(random->Next()).second);
}

}  // namespace
}  // namespace intentlog
