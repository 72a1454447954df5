// The day's number becomes year, month and day by the method that Howard Hinnant describes in
// "chrono-Compatible Low-Level Date Algorithms": years begin on the first of March, so that the
// leap day is a year's last, and repeat every 400 years, which are 146,097 days.
#include "projections/views/civil_day.h"

#include <charconv>

namespace intentlog {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int64_t kDaysPerEra = 146'097;
constexpr int64_t kDaysFromMarchYear0To1970 = 719'468;

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

char* AppendTwoDigits(uint32_t value, char* out) {
  *out++ = static_cast<char>('0' + value / 10);
  *out++ = static_cast<char>('0' + value % 10);
  return out;
}

// Four digits, more where the year has more, and a minus before the year 0.
char* AppendYear(int64_t year, char* out) {
  if (year >= 0 && year <= 9999) [[likely]] {
    out = AppendTwoDigits(static_cast<uint32_t>(year / 100), out);
    return AppendTwoDigits(static_cast<uint32_t>(year % 100), out);
  }
  return std::to_chars(out, out + 8, year).ptr;
}

char* AppendMonth(const CivilDay& day, char* out) {
  out = AppendYear(day.year, out);
  *out++ = '-';
  return AppendTwoDigits(day.month, out);
}

}  // namespace

CivilDay DayOfMicros(int64_t micros_since_1970) {
  const int64_t day = FloorDivide(micros_since_1970, kMicrosPerDay) + kDaysFromMarchYear0To1970;
  const int64_t era = FloorDivide(day, kDaysPerEra);
  const auto day_of_era = static_cast<uint32_t>(day - era * kDaysPerEra);
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

std::string_view DayText(int64_t micros_since_1970, char* buffer) {
  const CivilDay day = DayOfMicros(micros_since_1970);
  char* end = AppendMonth(day, buffer);
  *end++ = '-';
  end = AppendTwoDigits(day.day, end);
  return std::string_view(buffer, static_cast<size_t>(end - buffer));
}

std::string_view MonthText(int64_t micros_since_1970, char* buffer) {
  const char* end = AppendMonth(DayOfMicros(micros_since_1970), buffer);
  return std::string_view(buffer, static_cast<size_t>(end - buffer));
}

}  // namespace intentlog
