#include "projections/views/stock.h"

#include <algorithm>

#include "eventlog/runtime/check.h"
#include "projections/engine/checked.h"
#include "projections/views/shop_view.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::GoodsReturned;
using commerce::OrderLineAdded;
using commerce::StockCounted;
using commerce::StockMoved;
using views::StockRow;

absl::Status SetStock(absl::StatusOr<int64_t> on_hand, int64_t moves, Row& row) {
  RETURN_IF_ERROR(on_hand.status());
  ASSIGN_OR_RETURN(moves, CheckedAdd("moves", row.Read<StockRow>().moves(), moves));
  auto& stock = row.Edit<StockRow>();
  stock.set_on_hand(*on_hand);
  stock.set_moves(moves);
  return absl::OkStatus();
}

class Stock final : public ShopView {
 public:
  ProjectionInfo info() const override { return {"stock", 2, StockRow::descriptor()}; }

  void Keys(const Event& event, KeySink& keys) const override {
    if (const auto* line = event.As<OrderLineAdded>()) return keys.Add(line->product_id());
    if (const auto* returned = event.As<GoodsReturned>()) return keys.Add(returned->product_id());
    if (const auto* moved = event.As<StockMoved>()) return keys.Add(moved->product_id());
    if (const auto* counted = event.As<StockCounted>()) return keys.Add(counted->product_id());
  }

  absl::Status Apply(const Event& event, std::string_view, Row& row) const override {
    const int64_t on_hand = row.Read<StockRow>().on_hand();
    if (const auto* line = event.As<OrderLineAdded>()) {
      return SetStock(CheckedSubtract("on_hand", on_hand, line->quantity()), 1, row);
    }
    if (const auto* returned = event.As<GoodsReturned>()) {
      return SetStock(CheckedAdd("on_hand", on_hand, returned->quantity()), 1, row);
    }
    if (const auto* moved = event.As<StockMoved>()) {
      return SetStock(CheckedAdd("on_hand", on_hand, moved->delta()), 1, row);
    }
    if (const auto* counted = event.As<StockCounted>()) {
      auto& stock = row.Edit<StockRow>();
      stock.set_on_hand(counted->on_hand());
      stock.set_last_counted_at_us(counted->count().at_us());
    }
    return absl::OkStatus();
  }

  bool merges() const override { return true; }

  absl::Status Merge(const Row& other, Row& row) const override {
    const auto& theirs = other.Read<StockRow>();
    const int64_t on_hand = row.Read<StockRow>().on_hand();
    RETURN_IF_ERROR(
        SetStock(CheckedAdd("on_hand", on_hand, theirs.on_hand()), theirs.moves(), row));
    auto& stock = row.Edit<StockRow>();
    stock.set_last_counted_at_us(std::max(stock.last_counted_at_us(), theirs.last_counted_at_us()));
    return absl::OkStatus();
  }

  std::vector<std::string> Columns() const override {
    return {"on_hand", "moves", "last_counted_at_us"};
  }

  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    const auto& stock = row.Read<StockRow>();
    columns = {std::to_string(stock.on_hand()), std::to_string(stock.moves()),
               std::to_string(stock.last_counted_at_us())};
    return absl::OkStatus();
  }
};

}  // namespace

std::shared_ptr<const Projection> StockView() { return std::make_shared<Stock>(); }

}  // namespace intentlog
