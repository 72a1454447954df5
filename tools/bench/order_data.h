// Order lines for a server, by shop: those of a real file, or a year's made ones. With them what
// the sales views must come to: added up from the lines themselves, and the file's golden figures.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/bench/load_fleet.h"
#include "tools/demo_story/golden.h"
#include "tools/import/importer.h"
#include "tools/import/sales_tally.h"

namespace intentlog::bench {

inline constexpr int kOrderShops = 8;

struct OrderData {
  std::string what;                             // one line for people
  std::vector<std::vector<std::string>> lines;  // by shop, serialized
  uint64_t count = 0;
  SalesTally tally;
  std::optional<OrderFile> file;  // none: made lines
  std::optional<Golden> golden;   // of the file, if there are any beside it
};

// Those of `file`, or made ones if it is empty. INVALID_ARGUMENT: golden figures of another file.
absl::StatusOr<std::shared_ptr<const OrderData>> LoadOrderData(const std::string& file);

// The lines of shop `shop` (from 0) one after another. Holds `data`.
NextLine LinesOf(std::shared_ptr<const OrderData> data, int shop);

}  // namespace intentlog::bench
