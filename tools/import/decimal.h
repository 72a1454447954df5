// Numbers and times as text in a file, read exactly: never through floating point, never rounded.
// All pure. An error is a sentence without a place; the reader of the file adds that.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace intentlog {

// "-12": a whole number of 64 bits, with an optional sign.
absl::StatusOr<int64_t> ParseWhole(std::string_view text);

// "2.55" gives 2,550,000: a decimal number with an optional sign and at most 6 decimals, in
// millionths.
absl::StatusOr<int64_t> ParseMicros(std::string_view text);

// "2010-12-01 08:26" or "2010-12-01 08:26:00", taken as UTC, in microseconds since 1970. The day
// must exist in the calendar; years are 0001 to 9999.
absl::StatusOr<int64_t> ParseTimeMicros(std::string_view text);

// quantity × price in mills (thousandths). An error if it does not fit, or is not whole mills.
absl::StatusOr<int64_t> RevenueMills(int64_t quantity, int64_t price_micros);

}  // namespace intentlog
