// The sales views: lines, units and revenue of everything sold, by one property of the line. Only
// OrderLineAdded counts, whatever its sign: a line with a negative quantity takes back.
// OrderCancelled and GoodsReturned change no sales view; stock and the order's own row tell of
// them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "projections/engine/projection.h"
#include "projections/views/civil_day.h"
#include "projections/views/shop_view.h"
#include "proto/commerce.pb.h"

namespace intentlog {

class SalesView final : public ShopView {
 public:
  // The row's key, of the line itself or written into `buffer` of kDayTextMax bytes. Pure.
  using KeyOf = std::string_view (*)(const commerce::OrderLineAdded& line, char* buffer);

  SalesView(std::string name, KeyOf key_of);

  ProjectionInfo info() const override;
  void Keys(const Event& event, KeySink& keys) const override;
  absl::Status Apply(const Event& event, std::string_view key, Row& row) const override;
  bool merges() const override { return true; }
  absl::Status Merge(const Row& other, Row& row) const override;
  std::vector<std::string> Columns() const override;
  // Revenue is printed in mills (10^-3). FAILED_PRECONDITION: it is not whole mills.
  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override;

 private:
  const std::string name_;
  const KeyOf key_of_;
};

std::shared_ptr<const Projection> SalesByInvoice();
std::shared_ptr<const Projection> SalesByProduct();
std::shared_ptr<const Projection> SalesByCustomer();
std::shared_ptr<const Projection> SalesByCountry();
std::shared_ptr<const Projection> SalesByMonth();  // "2010-12", of the line's own time, as UTC
std::shared_ptr<const Projection> SalesByDay();    // "2010-12-01"

}  // namespace intentlog
