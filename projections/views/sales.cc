#include "projections/views/sales.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/checked.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;
using views::SalesRow;

constexpr int64_t kMicrosPerMill = 1000;

// Adds amounts to the row: all three or, on an error, none.
absl::Status AddSales(int64_t lines, int64_t units, int64_t revenue_micros, Row& row) {
  const SalesRow& before = row.Read<SalesRow>();
  ASSIGN_OR_RETURN(lines, CheckedAdd("lines", before.lines(), lines));
  ASSIGN_OR_RETURN(units, CheckedAdd("units", before.units(), units));
  ASSIGN_OR_RETURN(revenue_micros,
                   CheckedAdd("revenue_micros", before.revenue_micros(), revenue_micros));
  SalesRow& sales = row.Edit<SalesRow>();
  sales.set_lines(lines);
  sales.set_units(units);
  sales.set_revenue_micros(revenue_micros);
  return absl::OkStatus();
}

}  // namespace

SalesView::SalesView(std::string name, KeyOf key_of) : name_(std::move(name)), key_of_(key_of) {}

ProjectionInfo SalesView::info() const { return {name_, 1, SalesRow::descriptor()}; }

void SalesView::Keys(const Event& event, KeySink& keys) const {
  char buffer[kDayTextMax];
  if (const auto* line = event.As<OrderLineAdded>()) keys.Add(key_of_(*line, buffer));
}

absl::Status SalesView::Apply(const Event& event, std::string_view, Row& row) const {
  const auto* line = event.As<OrderLineAdded>();
  if (line == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t revenue_micros,
                   CheckedMultiply("revenue_micros", line->quantity(), line->unit_price_micros()));
  return AddSales(1, line->quantity(), revenue_micros, row);
}

absl::Status SalesView::Merge(const Row& other, Row& row) const {
  const auto& sales = other.Read<SalesRow>();
  return AddSales(sales.lines(), sales.units(), sales.revenue_micros(), row);
}

std::vector<std::string> SalesView::Columns() const { return {"lines", "units", "revenue_mills"}; }

absl::Status SalesView::Print(const Row& row, std::vector<std::string>& columns) const {
  const auto& sales = row.Read<SalesRow>();
  if (sales.revenue_micros() % kMicrosPerMill != 0) {
    return FailedPrecondition("revenue of ", sales.revenue_micros(),
                              " micros is not whole mills (1000 micros), the unit of column "
                              "revenue_mills: read the row itself instead");
  }
  columns = {std::to_string(sales.lines()), std::to_string(sales.units()),
             std::to_string(sales.revenue_micros() / kMicrosPerMill)};
  return absl::OkStatus();
}

std::shared_ptr<const Projection> SalesByInvoice() {
  return std::make_shared<SalesView>("sales_by_invoice", [](const OrderLineAdded& line, char*) {
    return std::string_view(line.order_id());
  });
}

std::shared_ptr<const Projection> SalesByProduct() {
  return std::make_shared<SalesView>("sales_by_product", [](const OrderLineAdded& line, char*) {
    return std::string_view(line.product_id());
  });
}

std::shared_ptr<const Projection> SalesByCustomer() {
  return std::make_shared<SalesView>("sales_by_customer", [](const OrderLineAdded& line, char*) {
    return std::string_view(line.customer_id());
  });
}

std::shared_ptr<const Projection> SalesByCountry() {
  return std::make_shared<SalesView>("sales_by_country", [](const OrderLineAdded& line, char*) {
    return std::string_view(line.country());
  });
}

std::shared_ptr<const Projection> SalesByMonth() {
  return std::make_shared<SalesView>("sales_by_month",
                                     [](const OrderLineAdded& line, char* buffer) {
                                       return MonthText(line.sold_at_us(), buffer);
                                     });
}

std::shared_ptr<const Projection> SalesByDay() {
  return std::make_shared<SalesView>("sales_by_day", [](const OrderLineAdded& line, char* buffer) {
    return DayText(line.sold_at_us(), buffer);
  });
}

}  // namespace intentlog
