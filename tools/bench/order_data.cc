#include "tools/bench/order_data.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/server_data.h"
#include "tools/import/shop_device.h"

namespace intentlog::bench {
namespace {

constexpr int64_t kMicrosPerMill = 1000;

void Take(const commerce::OrderLineAdded& line, int64_t revenue_mills, int shop, OrderData& data) {
  data.lines[static_cast<size_t>(shop)].push_back(line.SerializeAsString());
  data.tally.Add(line, revenue_mills);
  ++data.count;
}

absl::Status ReadFile(const std::string& path, OrderData& data) {
  ASSIGN_OR_RETURN(
      data.file, CheckOrderFile(path, {}, {}, [&](const commerce::OrderLineAdded& line, int64_t m) {
        Take(line, m, DeviceOfInvoice(line.order_id(), kOrderShops) - 1, data);
      }));
  data.what = Cat(data.count, " order lines of ", path);
  auto golden = Golden::Load(Golden::PathBeside(path));
  if (absl::IsNotFound(golden.status())) {
    data.what += "; it has no golden figures beside it";
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(golden.status());
  if (!golden->AppliesTo(data.file->file_sha256, data.file->content_sha256)) {
    return Invalid(Golden::PathBeside(path), " are golden figures of another file");
  }
  data.golden.emplace(*std::move(golden));
  return absl::OkStatus();
}

void MakeYear(OrderData& data) {
  data.what = Cat(kYearLines, " made order lines; --data names a file of real ones");
  for (int shop = 0; shop < kOrderShops; ++shop) {
    OrderStream lines({.till = shop, .lines = kYearLines / kOrderShops});
    for (int64_t i = 0; i < kYearLines / kOrderShops; ++i) {
      const commerce::OrderLineAdded& line = lines.Next();
      Take(line, line.quantity() * (line.unit_price_micros() / kMicrosPerMill), shop, data);
    }
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const OrderData>> LoadOrderData(const std::string& file) {
  const auto data = std::make_shared<OrderData>();
  data->lines.resize(kOrderShops);
  if (file.empty()) {
    MakeYear(*data);
  } else {
    RETURN_IF_ERROR(ReadFile(file, *data));
  }
  return std::shared_ptr<const OrderData>(data);
}

NextLine LinesOf(std::shared_ptr<const OrderData> data, int shop) {
  struct Place {
    std::shared_ptr<const OrderData> data;
    size_t next = 0;
    commerce::OrderLineAdded line;
  };
  const auto place = std::make_shared<Place>();
  place->data = std::move(data);
  return [place, shop]() -> const commerce::OrderLineAdded* {
    const auto& lines = place->data->lines[static_cast<size_t>(shop)];
    if (place->next == lines.size()) return nullptr;
    INTENTLOG_CHECK(place->line.ParseFromString(lines[place->next++]));
    return &place->line;
  };
}

}  // namespace intentlog::bench
