// A MarketDay is a made-up Saturday of a chain of shops: orders, cancellations, returns,
// deliveries, a stock count, prices and customers, for N devices that are offline all day. The same
// seed gives the same day everywhere, so each device's process makes its own share.
//
// What the read models must come to is added up while the day is made, from the deeds themselves,
// without log or projections. One kind of deed collides on purpose: two shops set the price of the
// same product, so the one that syncs second waits for a person. Nothing else does, and nothing is
// rejected.
//
// Immutable after Make. Safe to share.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "google/protobuf/message.h"
#include "tools/import/order_figures.h"
#include "tools/import/sales_tally.h"

namespace intentlog {

struct MarketDayOptions {
  int devices = 8;
  uint64_t seed = 1;
  int orders = 1500;  // of all devices; about 5 lines each
};

// What a device records as one: everything of it in one AppendAll.
struct MarketDeed {
  struct Event {
    std::shared_ptr<const google::protobuf::Message> message;
    IntentId intent_id;
    std::string scope;
  };
  std::vector<Event> events;
};

// One row of the orders view, as it must become.
struct ExpectedOrder {
  bool cancelled = false;
  std::string customer, country, reason;
  int64_t opened_at_us = 0, units = 0, lines = 0, total_micros = 0, returns = 0;
};

// One row of the stock view, merged over scopes.
struct ExpectedStock {
  int64_t on_hand = 0, moves = 0, last_counted_at_us = 0;
};

struct MarketTotals {
  uint64_t intents = 0;
  uint64_t conflicted = 0;  // first decisions; all others are accepted or merged
  uint64_t orders = 0, cancellations = 0, returns = 0, deliveries = 0, prices = 0;
  OrderFigures figures;
  SalesTally sales;
  std::map<std::string, ExpectedOrder> by_order;
  std::map<std::string, ExpectedStock> stock;
  std::vector<SalesSum> by_device;  // of device 1 … N
  std::vector<uint64_t> intents_by_device;
};

class MarketDay {
 public:
  static MarketDay Make(const MarketDayOptions& options);

  // REQUIRES: 1 <= device <= devices.
  const std::vector<MarketDeed>& DeedsOf(int device) const {
    return deeds_[static_cast<size_t>(device) - 1];
  }
  const MarketTotals& totals() const { return totals_; }

 private:
  friend class MarketDayMaker;
  std::vector<std::vector<MarketDeed>> deeds_;
  MarketTotals totals_;
};

// The rows as `view dump --tsv` prints them.
std::string OrdersTsv(const std::map<std::string, ExpectedOrder>& orders);
std::string StockTsv(const std::map<std::string, ExpectedStock>& stock);

// Records a device's share: one batch per deed, durable together every `flush_deeds`, after each of
// which `durable` hears the highest count. Errors as Client::AppendAll.
absl::Status RecordDeeds(Client& client, const std::vector<MarketDeed>& deeds, int flush_deeds,
                         const std::function<void(Count through)>& durable);

}  // namespace intentlog
