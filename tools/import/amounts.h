// Money and counts as people read them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace intentlog {

// 9747747934 mills of GBP as "GBP 9,747,747.934".
std::string MillsText(int64_t mills, std::string_view currency);

// "0.8 s", "12 s", "2 min 5 s".
std::string SecondsText(double seconds);

}  // namespace intentlog
