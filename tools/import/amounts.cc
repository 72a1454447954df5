#include "tools/import/amounts.h"

#include <cmath>
#include <cstdio>

#include "eventlog/runtime/text.h"
#include "tools/commands/terminal.h"

namespace intentlog {

std::string MillsText(int64_t mills, std::string_view currency) {
  const uint64_t size =
      mills < 0 ? uint64_t{0} - static_cast<uint64_t>(mills) : static_cast<uint64_t>(mills);
  char decimals[8];
  std::snprintf(decimals, sizeof(decimals), "%03u", static_cast<unsigned>(size % 1000));
  return Cat(currency, currency.empty() ? "" : " ", mills < 0 ? "-" : "",
             Grouped(static_cast<int64_t>(size / 1000)), ".", std::string_view(decimals));
}

std::string SecondsText(double seconds) {
  if (seconds >= 100) {
    const auto whole = static_cast<int64_t>(std::lround(seconds));
    return Cat(whole / 60, " min ", whole % 60, " s");
  }
  char text[32];
  std::snprintf(text, sizeof(text), seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  return text;
}

}  // namespace intentlog
