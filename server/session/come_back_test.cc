#include "server/session/come_back.h"

#include <map>

#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr absl::Duration kNow = absl::Seconds(1000);

TEST(ComeBackTest, FewDevicesHearTheShortestDelay) {
  ComeBack come_back(absl::Seconds(2));
  for (int i = 0; i < ComeBack::kAtOnce; ++i) EXPECT_EQ(come_back.After(kNow), absl::Seconds(2));
  EXPECT_EQ(come_back.After(kNow + absl::Seconds(5)), absl::Seconds(2));
}

TEST(ComeBackTest, TenThousandThatAreSentAwayAtOnceReturnAThousandASecond) {
  ComeBack come_back(absl::Seconds(2));
  std::map<int64_t, int> returning;  // by second
  for (int i = 0; i < 10'000; ++i) ++returning[absl::ToInt64Seconds(come_back.After(kNow))];
  EXPECT_EQ(returning.begin()->first, 2);
  EXPECT_EQ(returning.rbegin()->first, 11);
  for (const auto& [second, devices] : returning) EXPECT_EQ(devices, 1000) << second;
}

// Who is sent away a little later does not land among those that are expected then.
TEST(ComeBackTest, LaterOnesReturnBehindThoseThatWereSentAwayBefore) {
  ComeBack come_back(absl::Seconds(2));
  for (int i = 0; i < 500; ++i) come_back.After(kNow);
  const absl::Duration later = absl::Milliseconds(50);
  EXPECT_EQ(later + come_back.After(kNow + later), absl::Milliseconds(2500));
}

TEST(ComeBackTest, NobodyIsSentAwayForMuchLonger) {
  ComeBack come_back(absl::Seconds(2));
  for (int i = 0; i < 100'000; ++i) {
    EXPECT_LE(come_back.After(kNow), absl::Seconds(2) + ComeBack::kLaterMax + ComeBack::kApart);
  }
}

}  // namespace
}  // namespace intentlog
