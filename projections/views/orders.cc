#include "projections/views/orders.h"

#include "eventlog/runtime/check.h"
#include "projections/engine/checked.h"
#include "projections/views/civil_day.h"
#include "projections/views/shop_view.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::GoodsReturned;
using commerce::OrderCancelled;
using commerce::OrderLineAdded;
using commerce::OrderOpened;
using views::OrderRow;

absl::Status AddLine(const OrderLineAdded& event, Row& row) {
  const bool first = !row.exists();
  const auto& before = row.Read<OrderRow>();
  ASSIGN_OR_RETURN(const int64_t amount,
                   CheckedMultiply("total_micros", event.quantity(), event.unit_price_micros()));
  ASSIGN_OR_RETURN(const int64_t units, CheckedAdd("units", before.units(), event.quantity()));
  ASSIGN_OR_RETURN(const int64_t total, CheckedAdd("total_micros", before.total_micros(), amount));
  auto& order = row.Edit<OrderRow>();
  if (first) {
    order.set_customer_id(event.customer_id());
    order.set_country(event.country());
    order.set_opened_at_us(event.sold_at_us());
  }
  order.set_units(units);
  order.set_total_micros(total);
  OrderRow::Line& line = *order.add_lines();
  line.set_product_id(event.product_id());
  line.set_description(event.description());
  line.set_quantity(event.quantity());
  line.set_unit_price_micros(event.unit_price_micros());
  line.set_sold_at_us(event.sold_at_us());
  return absl::OkStatus();
}

absl::Status AddReturn(const GoodsReturned& event, Row& row) {
  const auto& before = row.Read<OrderRow>();
  ASSIGN_OR_RETURN(const int64_t units, CheckedSubtract("units", before.units(), event.quantity()));
  ASSIGN_OR_RETURN(const int64_t total,
                   CheckedSubtract("total_micros", before.total_micros(), event.refund_micros()));
  auto& order = row.Edit<OrderRow>();
  order.set_units(units);
  order.set_total_micros(total);
  OrderRow::Return& back = *order.add_returns();
  back.set_product_id(event.product_id());
  back.set_quantity(event.quantity());
  back.set_refund_micros(event.refund_micros());
  return absl::OkStatus();
}

// Places in Indexes().
constexpr size_t kByCustomer = 0;
constexpr size_t kByDay = 1;

class Orders final : public ShopView {
 public:
  ProjectionInfo info() const override { return {"orders", 2, OrderRow::descriptor()}; }

  void Keys(const Event& event, KeySink& keys) const override {
    if (const auto* line = event.As<OrderLineAdded>()) return keys.Add(line->order_id());
    if (const auto* opened = event.As<OrderOpened>()) return keys.Add(opened->order_id());
    if (const auto* cancelled = event.As<OrderCancelled>()) return keys.Add(cancelled->order_id());
    if (const auto* returned = event.As<GoodsReturned>()) return keys.Add(returned->order_id());
  }

  absl::Status Apply(const Event& event, std::string_view, Row& row) const override {
    if (const auto* line = event.As<OrderLineAdded>()) return AddLine(*line, row);
    if (const auto* returned = event.As<GoodsReturned>()) return AddReturn(*returned, row);
    if (const auto* opened = event.As<OrderOpened>()) {
      auto& order = row.Edit<OrderRow>();
      order.set_customer_id(opened->customer_id());
      order.set_country(opened->country());
      order.set_opened_at_us(opened->opened_at_us());
    } else if (const auto* cancelled = event.As<OrderCancelled>()) {
      auto& order = row.Edit<OrderRow>();
      order.set_state(OrderRow::CANCELLED);
      order.set_cancel_reason(cancelled->reason());
    }
    return absl::OkStatus();
  }

  std::vector<std::string> Indexes() const override { return {"customer", "day"}; }

  void IndexKeys(size_t index, std::string_view, const Row& row, KeySink& keys) const override {
    const auto& order = row.Read<OrderRow>();
    if (index == kByCustomer && !order.customer_id().empty()) keys.Add(order.customer_id());
    if (index == kByDay && order.opened_at_us() != 0) {
      char buffer[kDayTextMax];
      keys.Add(DayText(order.opened_at_us(), buffer));
    }
  }

  std::vector<std::string> Columns() const override {
    return {"state", "customer_id",  "country", "opened_at_us", "units",
            "lines", "total_micros", "returns", "cancel_reason"};
  }

  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    const auto& order = row.Read<OrderRow>();
    columns = {order.state() == OrderRow::CANCELLED ? "cancelled" : "open",
               order.customer_id(),
               order.country(),
               std::to_string(order.opened_at_us()),
               std::to_string(order.units()),
               std::to_string(order.lines_size()),
               std::to_string(order.total_micros()),
               std::to_string(order.returns_size()),
               order.cancel_reason()};
    return absl::OkStatus();
  }
};

}  // namespace

std::shared_ptr<const Projection> OrdersView() { return std::make_shared<Orders>(); }

}  // namespace intentlog
