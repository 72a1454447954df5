#include "tools/import/sales_tally.h"

#include <cstdio>

#include "absl/time/civil_time.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/dump.h"

namespace intentlog {
namespace {

constexpr int64_t kMicrosPerDay = int64_t{86400} * 1000000;

int64_t DayOf(int64_t time_us) {  // rounds down, also before 1970
  return time_us / kMicrosPerDay - (time_us % kMicrosPerDay < 0 ? 1 : 0);
}

void AddTo(SalesSum& sum, int64_t units, int64_t mills) {
  ++sum.lines;
  sum.units += units;
  sum.mills += mills;
}

}  // namespace

std::string DayText(int64_t time_us) {
  const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + DayOf(time_us);
  char text[32];
  std::snprintf(text, sizeof(text), "%04lld-%02d-%02d", static_cast<long long>(day.year()),
                day.month(), day.day());
  return text;
}

void SalesTally::Add(const commerce::OrderLineAdded& line, int64_t revenue_mills) {
  const int64_t day = DayOf(line.sold_at_us());
  if (day_.empty() || day != last_day_) {
    last_day_ = day;
    day_ = DayText(line.sold_at_us());
    month_ = day_.substr(0, day_.size() - 3);
  }
  const std::array<const std::string*, 6> keys = {
      &line.order_id(), &line.product_id(), &line.customer_id(), &line.country(), &month_, &day_};
  for (size_t i = 0; i < keys.size(); ++i) {
    AddTo(views_[i][*keys[i]], line.quantity(), revenue_mills);
  }
  AddTo(total_, line.quantity(), revenue_mills);
}

const SalesByKey& SalesTally::View(std::string_view view) const {
  for (size_t i = 0; i < kSalesViews.size(); ++i) {
    if (kSalesViews[i] == view) return views_[i];
  }
  INTENTLOG_CHECK(false && "a sales view");
  return views_[0];
}

std::string SalesTsv(const SalesByKey& rows) {
  std::string out;
  for (const auto& [key, sum] : rows) {
    out += Cat(TsvEscaped(key), '\t', sum.lines, '\t', sum.units, '\t', sum.mills, '\n');
  }
  return out;
}

}  // namespace intentlog
