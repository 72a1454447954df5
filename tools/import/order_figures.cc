#include "tools/import/order_figures.h"

#include <xxhash.h>

namespace intentlog {
namespace {

constexpr int64_t kMicrosPerPenny = 10'000;

}  // namespace

void DistinctTexts::Add(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  const Hash now = {hash.low64, hash.high64};
  if (now == last_) return;  // neighbours are often equal
  last_ = now;
  seen_.insert(now);
}

InvoiceKind KindOfInvoice(std::string_view invoice) {
  if (invoice.empty()) return InvoiceKind::kPlain;
  if (invoice[0] == 'C') return InvoiceKind::kCancelled;
  const char lower = static_cast<char>(invoice[0] | 0x20);
  return lower >= 'a' && lower <= 'z' ? InvoiceKind::kOtherLetter : InvoiceKind::kPlain;
}

void OrderFigures::Add(const commerce::OrderLineAdded& line, int64_t revenue_mills) {
  ++rows_;
  invoices_.Add(line.order_id());
  stock_codes_.Add(line.product_id());
  countries_.Add(line.country());
  if (line.customer_id().empty()) {
    ++rows_without_customer_;
  } else {
    customers_.Add(line.customer_id());
  }
  if (line.description().empty()) {
    ++rows_without_description_;
  } else {
    descriptions_.Add(line.description());
  }
  if (line.sold_at_us() < last_time_us_) ++rows_going_back_in_time_;
  last_time_us_ = line.sold_at_us();
  (line.quantity() < 0 ? units_negative_ : units_positive_) += line.quantity();
  revenue_mills_ += revenue_mills;
  AddByKind(line, revenue_mills);
}

void OrderFigures::AddByKind(const commerce::OrderLineAdded& line, int64_t revenue_mills) {
  const InvoiceKind kind = KindOfInvoice(line.order_id());
  if (kind == InvoiceKind::kCancelled) {
    ++rows_cancelled_;
    invoices_cancelled_.Add(line.order_id());
    revenue_mills_cancelled_ += revenue_mills;
  } else if (kind == InvoiceKind::kOtherLetter) {
    ++rows_other_letter_;
    invoices_other_letter_.Add(line.order_id());
    revenue_mills_other_letter_ += revenue_mills;
  }
  if (line.quantity() == 0) ++rows_zero_quantity_;
  if (line.quantity() < 0) {
    ++rows_negative_quantity_;
    if (kind != InvoiceKind::kCancelled) ++rows_negative_quantity_not_cancelled_;
  }
  if (line.unit_price_micros() == 0) ++rows_zero_price_;
  if (line.unit_price_micros() < 0) ++rows_negative_price_;
  if (line.unit_price_micros() % kMicrosPerPenny != 0) ++rows_sub_penny_price_;
}

std::vector<std::pair<std::string, int64_t>> OrderFigures::All() const {
  const auto n = [](uint64_t value) { return static_cast<int64_t>(value); };
  const uint64_t special = invoices_cancelled_.size() + invoices_other_letter_.size();
  return {
      {"rows", n(rows_)},
      {"invoices", n(invoices())},
      {"invoices_plain", n(invoices() - special)},
      {"invoices_cancelled", n(invoices_cancelled_.size())},
      {"invoices_other_letter", n(invoices_other_letter_.size())},
      {"rows_cancelled", n(rows_cancelled_)},
      {"rows_other_letter", n(rows_other_letter_)},
      {"customers", n(customers())},
      {"rows_without_customer", n(rows_without_customer_)},
      {"countries", n(countries())},
      {"stock_codes", n(stock_codes())},
      {"descriptions", n(descriptions_.size())},
      {"rows_without_description", n(rows_without_description_)},
      {"rows_going_back_in_time", n(rows_going_back_in_time_)},
      {"units_net", units_net()},
      {"units_positive", units_positive_},
      {"units_negative", units_negative_},
      {"revenue_mills", revenue_mills_},
      {"revenue_mills_plain",
       revenue_mills_ - revenue_mills_cancelled_ - revenue_mills_other_letter_},
      {"revenue_mills_cancelled", revenue_mills_cancelled_},
      {"revenue_mills_other_letter", revenue_mills_other_letter_},
      {"rows_negative_quantity", n(rows_negative_quantity_)},
      {"rows_negative_quantity_not_cancelled", n(rows_negative_quantity_not_cancelled_)},
      {"rows_zero_quantity", n(rows_zero_quantity_)},
      {"rows_zero_price", n(rows_zero_price_)},
      {"rows_negative_price", n(rows_negative_price_)},
      {"rows_sub_penny_price", n(rows_sub_penny_price_)},
  };
}

}  // namespace intentlog
