#include "eventlog/schema/shop_upcasters.h"

#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using commerce::StockCounted;
using commerce::StockCountedV1;

// Who counted was not asked. A time of 0 was no time.
absl::Status CountOf(const StockCountedV1& from, StockCounted& to) {
  to.set_product_id(from.product_id());
  to.set_on_hand(from.on_hand());
  if (from.counted_at_us() != 0) to.mutable_count()->set_at_us(from.counted_at_us());
  return absl::OkStatus();
}

}  // namespace

const Upcasters& ShopUpcasters() {
  static const Upcasters* const upcasters = new Upcasters{
      {"intentlog.commerce.StockCounted", 1, UpcastMessage<StockCountedV1, StockCounted, CountOf>},
  };
  return *upcasters;
}

}  // namespace intentlog
