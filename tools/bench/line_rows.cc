#include "tools/bench/line_rows.h"

#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog::bench {
namespace {

using commerce::OrderLineAdded;
using LineRow = views::OrderRow::Line;

class Lines final : public Projection {
 public:
  ProjectionInfo info() const override { return {"lines", 1, LineRow::descriptor()}; }

  void Keys(const Event& event, KeySink& keys) const override {
    const auto* line = event.As<OrderLineAdded>();
    if (line == nullptr) return;
    keys.Add(Cat(line->order_id(), '\0', event.intent().intent_id()));
  }

  absl::Status Apply(const Event& event, std::string_view, Row& row) const override {
    const auto* line = event.As<OrderLineAdded>();
    auto& kept = row.Edit<LineRow>();
    kept.set_product_id(line->product_id());
    kept.set_description(line->description());
    kept.set_quantity(line->quantity());
    kept.set_unit_price_micros(line->unit_price_micros());
    kept.set_sold_at_us(line->sold_at_us());
    return absl::OkStatus();
  }

  std::vector<std::string> Columns() const override { return {"product_id", "quantity"}; }

  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    const auto& line = row.Read<LineRow>();
    columns = {line.product_id(), std::to_string(line.quantity())};
    return absl::OkStatus();
  }
};

}  // namespace

std::shared_ptr<const Projection> LinesView() { return std::make_shared<Lines>(); }

absl::StatusOr<Projections> ViewsNamed(std::string_view name) {
  if (name == "shop") return CommerceViews();
  if (name == "lines") return Projections{LinesView()};
  return Invalid("no views \"", name, "\"; there are: shop lines");
}

}  // namespace intentlog::bench
