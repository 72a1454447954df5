// A SalesTally adds up order lines by invoice, product, customer, country, month and day, from the
// lines themselves: what the sales read models must come to, worked out without events, log or
// projections. Memory grows with the number of different keys. Thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/commerce.pb.h"

namespace intentlog {

struct SalesSum {
  int64_t lines = 0;
  int64_t units = 0;
  int64_t mills = 0;
  bool operator==(const SalesSum&) const = default;
};

// The six sales views, in the order in which reports print them.
inline constexpr std::array<std::string_view, 6> kSalesViews = {
    "sales_by_invoice", "sales_by_product", "sales_by_customer",
    "sales_by_country", "sales_by_month",   "sales_by_day"};

using SalesByKey = std::map<std::string, SalesSum, std::less<>>;  // ascending byte order

class SalesTally {
 public:
  void Add(const commerce::OrderLineAdded& line, int64_t revenue_mills);

  // REQUIRES: one of kSalesViews.
  const SalesByKey& View(std::string_view view) const;
  const SalesSum& total() const { return total_; }

 private:
  std::array<SalesByKey, 6> views_;  // as kSalesViews
  SalesSum total_;
  int64_t last_day_ = 0;  // since 1970, of `day_` and `month_`
  std::string day_, month_;
};

// What `view dump --tsv` prints for such a view: key TAB lines TAB units TAB mills LF, in key
// order.
std::string SalesTsv(const SalesByKey& rows);

// "2010-12-01" of a time in microseconds since 1970, in UTC.
std::string DayText(int64_t time_us);

}  // namespace intentlog
