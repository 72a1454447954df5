#include "tools/import/decimal.h"

#include <limits>

#include "absl/time/civil_time.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr int kMicrosDigits = 6;
constexpr int64_t kMicrosPerMill = 1000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool AllDigits(std::string_view text) {
  for (const char c : text) {
    if (!IsDigit(c)) return false;
  }
  return !text.empty();
}

// Takes a sign from the front; true for a minus.
bool TakeSign(std::string_view& text) {
  const bool signed_text = !text.empty() && (text[0] == '-' || text[0] == '+');
  const bool negative = signed_text && text[0] == '-';
  if (signed_text) text.remove_prefix(1);
  return negative;
}

// Appends digits to a number of either sign; false if it no longer fits.
bool AppendDigits(std::string_view digits, bool negative, int64_t& value) {
  for (const char c : digits) {
    const int64_t digit = negative ? -(c - '0') : c - '0';
    if (__builtin_mul_overflow(value, int64_t{10}, &value)) return false;
    if (__builtin_add_overflow(value, digit, &value)) return false;
  }
  return true;
}

absl::Status NoTime(std::string_view text) {
  return Invalid("\"", text, "\" is no time as YYYY-MM-DD HH:MM or YYYY-MM-DD HH:MM:SS");
}

bool HasTimeMarks(std::string_view text) {
  if (text.size() != 16 && text.size() != 19) return false;
  if (text.size() == 19 && text[16] != ':') return false;
  return text[4] == '-' && text[7] == '-' && text[10] == ' ' && text[13] == ':';
}

// Two or four digits as a number; -1 if they are none.
int TakeNumber(std::string_view text, size_t at, size_t digits) {
  if (!AllDigits(text.substr(at, digits))) return -1;
  int value = 0;
  for (size_t i = at; i < at + digits; ++i) value = value * 10 + (text[i] - '0');
  return value;
}

}  // namespace

absl::StatusOr<int64_t> ParseWhole(std::string_view text) {
  std::string_view digits = text;
  const bool negative = TakeSign(digits);
  if (!AllDigits(digits)) return Invalid("\"", text, "\" is no whole number");
  int64_t value = 0;
  if (!AppendDigits(digits, negative, value)) {
    return Invalid("\"", text, "\" is too large: at most ", std::numeric_limits<int64_t>::max());
  }
  return value;
}

absl::StatusOr<int64_t> ParseMicros(std::string_view text) {
  std::string_view rest = text;
  const bool negative = TakeSign(rest);
  const size_t point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  const std::string_view decimals =
      point == std::string_view::npos ? std::string_view("0") : rest.substr(point + 1);
  if (!AllDigits(whole) || !AllDigits(decimals)) {
    return Invalid("\"", text, "\" is no decimal number such as 2.55");
  }
  if (decimals.size() > kMicrosDigits) {
    return Invalid("\"", text, "\" has ", decimals.size(), " decimals; at most ", kMicrosDigits,
                   " are kept exactly");
  }
  const std::string_view zeros = std::string_view("000000").substr(decimals.size());
  int64_t value = 0;
  if (!AppendDigits(whole, negative, value) || !AppendDigits(decimals, negative, value) ||
      !AppendDigits(zeros, negative, value)) {
    return Invalid("\"", text, "\" is too large a price");
  }
  return value;
}

absl::StatusOr<int64_t> ParseTimeMicros(std::string_view text) {
  if (!HasTimeMarks(text)) return NoTime(text);
  const int year = TakeNumber(text, 0, 4), month = TakeNumber(text, 5, 2);
  const int day = TakeNumber(text, 8, 2), hour = TakeNumber(text, 11, 2);
  const int minute = TakeNumber(text, 14, 2);
  const int second = text.size() == 19 ? TakeNumber(text, 17, 2) : 0;
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return NoTime(text);
  const absl::CivilSecond time(year, month, day, hour, minute, second);
  const bool exists = year > 0 && time.year() == year && time.month() == month &&
                      time.day() == day && time.hour() == hour && time.minute() == minute &&
                      time.second() == second;
  if (!exists) return Invalid("\"", text, "\" is a time that no calendar and clock has");
  return (time - absl::CivilSecond(1970, 1, 1)) * int64_t{1000000};
}

absl::StatusOr<int64_t> RevenueMills(int64_t quantity, int64_t price_micros) {
  int64_t micros = 0;
  if (__builtin_mul_overflow(quantity, price_micros, &micros)) {
    return Invalid("quantity times price is too large an amount");
  }
  if (micros % kMicrosPerMill != 0) {
    return Invalid("quantity times price is not whole mills (thousandths)");
  }
  return micros / kMicrosPerMill;
}

}  // namespace intentlog
