#include "projections/views/civil_day.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/time/civil_time.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;

std::string Day(int64_t micros) {
  char buffer[kDayTextMax];
  return std::string(DayText(micros, buffer));
}
std::string Month(int64_t micros) {
  char buffer[kDayTextMax];
  return std::string(MonthText(micros, buffer));
}

TEST(CivilDayTest, KnownDays) {
  EXPECT_EQ(Day(0), "1970-01-01");
  EXPECT_EQ(Day(-1), "1969-12-31");
  EXPECT_EQ(Day(1'291'191'960'000'000), "2010-12-01");
  EXPECT_EQ(Month(1'291'191'960'000'000), "2010-12");
  EXPECT_EQ(Day(951'782'400'000'000), "2000-02-29");
  EXPECT_EQ(Day(951'868'799'999'999), "2000-02-29");
  EXPECT_EQ(Day(951'868'800'000'000), "2000-03-01");
}

TEST(CivilDayTest, I19_EveryDayOfEightHundredYearsIsThatOfTheCalendar) {
  const absl::CivilDay epoch(1970, 1, 1);
  for (absl::CivilDay day(1600, 1, 1); day < absl::CivilDay(2400, 1, 1); ++day) {
    const CivilDay ours = DayOfMicros((day - epoch) * kMicrosPerDay + 43'200'000'000);
    ASSERT_EQ(absl::CivilDay(ours.year, ours.month, ours.day), day);
  }
}

TEST(CivilDayTest, EveryMomentHasADay) {
  EXPECT_EQ(Day(std::numeric_limits<int64_t>::max()), "294247-01-10");
  EXPECT_EQ(Day(std::numeric_limits<int64_t>::min()), "-290308-12-21");
  EXPECT_EQ(Day(-62'167'219'200'000'000), "0000-01-01");
  EXPECT_EQ(Day(-62'167'219'200'000'001), "-1-12-31");
}

}  // namespace
}  // namespace intentlog
