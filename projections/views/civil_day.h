// The calendar day (UTC, proleptic Gregorian) of a moment. Pure integer arithmetic; every int64
// works.
#pragma once

#include <cstdint>
#include <string_view>

namespace intentlog {

struct CivilDay {
  int64_t year;
  uint32_t month;  // 1 to 12
  uint32_t day;    // 1 to 31
};

CivilDay DayOfMicros(int64_t micros_since_1970);

// Enough for every int64: "-290308-12-21".
inline constexpr size_t kDayTextMax = 16;

// "2010-12-01" and "2010-12", written into `buffer` of kDayTextMax bytes.
std::string_view DayText(int64_t micros_since_1970, char* buffer);
std::string_view MonthText(int64_t micros_since_1970, char* buffer);

}  // namespace intentlog
