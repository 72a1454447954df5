// Which of a device's logs, and where in it. A value.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "eventlog/runtime/numbers.h"

namespace intentlog {

// A device has one log for each priority class that it uses. Lower numbers go first.
using PriorityClass = uint8_t;  // 0 to 3
inline constexpr PriorityClass kPlainClass = 0;
inline constexpr PriorityClass kClasses = 4;

struct LogPlace {
  PriorityClass priority = kPlainClass;
  Count count;

  friend auto operator<=>(const LogPlace&, const LogPlace&) = default;
};

}  // namespace intentlog
