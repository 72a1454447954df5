#include "tools/demo_story/market_day.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/time/civil_time.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "tools/import/hashed_source.h"
#include "tools/import/importer.h"
#include "tools/import/shop_device.h"

namespace intentlog {

using namespace commerce;  // the events of a shop

namespace {

constexpr std::array<std::string_view, 8> kColours = {"BLUE",  "RED",   "WHITE", "GREEN",
                                                      "IVORY", "BLACK", "ROSE",  "STRIPED"};
constexpr std::array<std::string_view, 9> kGoods = {
    "ENAMEL JUG",  "TEA TOWEL",      "LANTERN", "CAKE STAND", "HOT WATER BOTTLE",
    "PAPER CHAIN", "T-LIGHT HOLDER", "APRON",   "DOORMAT"};
constexpr std::array<std::string_view, 6> kCountries = {
    "United Kingdom", "United Kingdom", "United Kingdom", "EIRE", "France", "Germany"};
constexpr int kProducts = static_cast<int>(kColours.size() * kGoods.size());
constexpr int kCustomers = 40;
constexpr int kArguedProducts = 3;   // two shops set their price
constexpr int kCountedProducts = 8;  // head office counts them, and moves them alone
constexpr int kDeliveriesEach = 12;
constexpr int64_t kMicrosPerPenny = 10'000;
constexpr int64_t kMicrosPerMinute = int64_t{60} * 1000000;

// Opening time of the day: 2026-05-16 08:00 UTC.
int64_t Opening() {
  return (absl::CivilSecond(2026, 5, 16, 8, 0, 0) - absl::CivilSecond(1970, 1, 1)) *
         int64_t{1000000};
}

std::string ProductId(int product) { return Cat("P", 1001 + product); }

std::string ProductName(int product) {
  const auto i = static_cast<size_t>(product);
  return Cat(kColours[i % kColours.size()], " ", kGoods[i / kColours.size()]);
}

std::string CustomerId(int customer) { return std::to_string(17001 + customer); }

}  // namespace

// Makes the day, device by device; every deed is booked into the totals where it is made.
class MarketDayMaker {
 public:
  explicit MarketDayMaker(const MarketDayOptions& options)
      : options_(options),
        random_(options.seed),
        seed_(Sha256Of(Cat("market day ", options.seed, " of ", options.devices))) {
    for (int product = 0; product < kProducts; ++product) {
      prices_.push_back((35 + 5 * static_cast<int64_t>(random_.Below(500))) * kMicrosPerPenny);
    }
    for (int customer = 0; customer < kCustomers; ++customer) {
      countries_.emplace_back(kCountries[random_.Below(kCountries.size())]);
    }
  }

  MarketDay Make() {
    totals().by_device.resize(static_cast<size_t>(options_.devices));
    for (device_ = 1; device_ <= options_.devices; ++device_) {
      day_.deeds_.emplace_back();
      now_ = Opening();
      if (device_ == 1) OpenHeadOffice();
      ArguePrices();
      const int orders = options_.orders / options_.devices +
                         (device_ <= options_.orders % options_.devices ? 1 : 0);
      for (int order = 0; order < orders; ++order) Trade(order, orders);
      totals().intents_by_device.push_back(totals().intents - before_);
      before_ = totals().intents;
    }
    return std::move(day_);
  }

 private:
  struct Line {
    int product;
    int64_t quantity;
  };

  MarketTotals& totals() { return day_.totals_; }

  // ---- deeds
  void Begin() { deed_ = MarketDeed(); }
  template <class Message>
  void Add(Message message, std::string scope) {
    const uint64_t number = ++totals().intents;
    deed_.events.push_back({std::make_shared<Message>(std::move(message)),
                            IntentIdOfRow(seed_, number, now_), std::move(scope)});
  }
  void End() { day_.deeds_.back().push_back(std::move(deed_)); }
  std::string shop() const { return ShopScope(device_); }

  // ---- head office: products, prices, customers, the count
  void OpenHeadOffice() {
    for (int first = 0; first < kProducts; first += 12) {
      Begin();
      for (int product = first; product < std::min(first + 12, kProducts); ++product) {
        Describe(product);
        if (product >= kArguedProducts) SetPrice(product, prices_[static_cast<size_t>(product)]);
      }
      End();
    }
    Begin();
    for (int customer = 0; customer < kCustomers; ++customer) {
      CustomerUpdated update;
      update.set_customer_id(CustomerId(customer));
      update.set_name(Cat("Customer ", customer + 1));
      update.set_country(countries_[static_cast<size_t>(customer)]);
      Add(std::move(update), "shared");
    }
    End();
    for (int product = kProducts - kCountedProducts; product < kProducts; ++product) {
      Begin();
      MoveStock(product, 100, "delivery");
      CountStock(product, 95);
      MoveStock(product, 20, "delivery");
      End();
    }
  }

  void Describe(int product) {
    ProductDescribed described;
    described.set_product_id(ProductId(product));
    described.set_description(ProductName(product));
    Add(std::move(described), "shared");
  }

  void SetPrice(int product, int64_t micros) {
    PriceSet price;
    price.set_product_id(ProductId(product));
    price.set_price_micros(micros);
    Add(std::move(price), "shared");
    ++totals().prices;
  }

  // The last two devices each set the price of the same few products, unseen by the other.
  void ArguePrices() {
    if (options_.devices < 2 || device_ < options_.devices - 1) return;
    for (int product = 0; product < kArguedProducts; ++product) {
      Begin();
      SetPrice(product, prices_[static_cast<size_t>(product)] + device_ * kMicrosPerPenny);
      End();
      if (device_ == options_.devices) ++totals().conflicted;
    }
  }

  void MoveStock(int product, int64_t delta, std::string reason) {
    StockMoved moved;
    moved.set_product_id(ProductId(product));
    moved.set_delta(delta);
    moved.set_reason(std::move(reason));
    moved.set_moved_at_us(now_);
    Add(std::move(moved), "shared");
    BookStock(product, delta);
    ++totals().deliveries;
  }

  // Only where this device alone moves the product in `shared`: then what is counted is certain.
  void CountStock(int product, int64_t on_hand) {
    StockCounted counted;
    counted.set_product_id(ProductId(product));
    counted.set_on_hand(on_hand);
    counted.mutable_count()->set_at_us(now_);
    Add(std::move(counted), "shared");
    ExpectedStock& stock = totals().stock[ProductId(product)];
    stock.on_hand = on_hand;  // head office records before any shop sells
    stock.last_counted_at_us = now_;
  }

  // ---- the shop
  void Trade(int order, int orders) {
    now_ = Opening() + (order * 600 / orders) * kMicrosPerMinute;  // a day of ten hours
    if (order % std::max(1, orders / kDeliveriesEach) == 0) {
      Begin();
      const auto shelf = static_cast<uint64_t>(kProducts - kCountedProducts);
      MoveStock(static_cast<int>(random_.Below(shelf)),
                6 * (1 + static_cast<int64_t>(random_.Below(8))), "delivery");
      End();
    }
    const std::string id = Cat(device_ * 100000 + order + 1);
    const int customer = static_cast<int>(random_.Below(kCustomers + 10));  // the rest: walk-ins
    const std::vector<Line> lines = Sell(id, customer);
    const uint64_t afterwards = random_.Below(50);
    if (afterwards == 0) Cancel(id, customer, lines);
    if (afterwards == 1) Return(id, lines[0]);
    if (afterwards == 2 && customer < kCustomers) Call(customer);
    ++totals().orders;
  }

  std::string IdOf(int customer) const { return customer < kCustomers ? CustomerId(customer) : ""; }
  std::string CountryOf(int customer) const {
    return customer < kCustomers ? countries_[static_cast<size_t>(customer)] : "United Kingdom";
  }

  std::vector<Line> Sell(const std::string& id, int customer) {
    std::vector<Line> lines(2 + random_.Below(7));
    for (Line& line : lines) {
      line.product = static_cast<int>(random_.Below(kProducts));
      line.quantity = 1 + static_cast<int64_t>(random_.Below(12));
    }
    Begin();
    OrderOpened opened;
    opened.set_order_id(id);
    opened.set_customer_id(IdOf(customer));
    opened.set_country(CountryOf(customer));
    opened.set_opened_at_us(now_);
    Add(std::move(opened), shop());
    ExpectedOrder& order = totals().by_order[id];
    order.customer = IdOf(customer);
    order.country = CountryOf(customer);
    order.opened_at_us = now_;
    for (const Line& line : lines) AddLine(id, customer, line);
    End();
    return lines;
  }

  void AddLine(const std::string& id, int customer, const Line& line) {
    OrderLineAdded added;
    added.set_order_id(id);
    added.set_product_id(ProductId(line.product));
    added.set_description(ProductName(line.product));
    added.set_quantity(line.quantity);
    added.set_unit_price_micros(prices_[static_cast<size_t>(line.product)]);
    added.set_sold_at_us(now_);
    added.set_customer_id(IdOf(customer));
    added.set_country(CountryOf(customer));
    added.set_currency("GBP");
    BookLine(added, line);
    Add(std::move(added), shop());
  }

  // As shops do it: the order is marked, and an order of its own takes everything back.
  void Cancel(const std::string& id, int customer, const std::vector<Line>& lines) {
    now_ += kMicrosPerMinute;
    Begin();
    OrderCancelled cancelled;
    cancelled.set_order_id(id);
    cancelled.set_reason("customer changed their mind");
    cancelled.set_cancelled_at_us(now_);
    Add(std::move(cancelled), shop());
    ExpectedOrder& order = totals().by_order[id];
    order.cancelled = true;
    order.reason = "customer changed their mind";
    ExpectedOrder& back = totals().by_order["C" + id];
    back.customer = IdOf(customer);
    back.country = CountryOf(customer);
    back.opened_at_us = now_;
    for (const Line& line : lines) AddLine("C" + id, customer, {line.product, -line.quantity});
    End();
    ++totals().cancellations;
  }

  void Return(const std::string& id, const Line& line) {
    Begin();
    GoodsReturned returned;
    returned.set_order_id(id);
    returned.set_product_id(ProductId(line.product));
    returned.set_quantity(1);
    const int64_t refund = prices_[static_cast<size_t>(line.product)];
    returned.set_refund_micros(refund);
    returned.set_returned_at_us(now_);
    Add(std::move(returned), shop());
    End();
    ExpectedOrder& order = totals().by_order[id];
    order.units -= 1;
    order.total_micros -= refund;
    order.returns += 1;
    BookStock(line.product, 1);
    ++totals().returns;
  }

  void Call(int customer) {
    Begin();
    CustomerUpdated update;
    update.set_customer_id(CustomerId(customer));
    update.set_phone(Cat("+44 20 7946 0", 100 + random_.Below(900)));
    Add(std::move(update), "shared");
    End();
  }

  // ---- what it must come to
  void BookStock(int product, int64_t delta) {
    ExpectedStock& stock = totals().stock[ProductId(product)];
    stock.on_hand += delta;
    ++stock.moves;
  }

  void BookLine(const OrderLineAdded& added, const Line& line) {
    const int64_t micros = line.quantity * added.unit_price_micros();
    totals().figures.Add(added, micros / 1000);
    totals().sales.Add(added, micros / 1000);
    SalesSum& mine = totals().by_device[static_cast<size_t>(device_) - 1];
    ++mine.lines;
    mine.units += line.quantity;
    mine.mills += micros / 1000;
    ExpectedOrder& order = totals().by_order[added.order_id()];
    order.units += line.quantity;
    order.total_micros += micros;
    ++order.lines;
    BookStock(line.product, -line.quantity);
  }

  const MarketDayOptions options_;
  SeededRandom random_;
  const std::string seed_;
  std::vector<int64_t> prices_;         // micros, by product
  std::vector<std::string> countries_;  // by customer
  MarketDay day_;
  MarketDeed deed_;
  int device_ = 0;
  int64_t now_ = 0;
  uint64_t before_ = 0;  // intents of the devices before
};

MarketDay MarketDay::Make(const MarketDayOptions& options) {
  INTENTLOG_CHECK(options.devices >= 1);
  return MarketDayMaker(options).Make();
}

std::string OrdersTsv(const std::map<std::string, ExpectedOrder>& orders) {
  std::string out;
  for (const auto& [id, order] : orders) {
    out += Cat(id, '\t', order.cancelled ? "cancelled" : "open", '\t', order.customer, '\t',
               order.country, '\t', order.opened_at_us, '\t', order.units, '\t', order.lines, '\t',
               order.total_micros, '\t', order.returns, '\t', order.reason, '\n');
  }
  return out;
}

std::string StockTsv(const std::map<std::string, ExpectedStock>& stock) {
  std::string out;
  for (const auto& [id, row] : stock) {
    out += Cat(id, '\t', row.on_hand, '\t', row.moves, '\t', row.last_counted_at_us, '\n');
  }
  return out;
}

absl::Status RecordDeeds(Client& client, const std::vector<MarketDeed>& deeds, int flush_deeds,
                         const std::function<void(Count through)>& durable) {
  AppendOptions append;
  append.durability = Durability::kBuffered;
  std::vector<NewIntent> intents;
  Count last;
  int unflushed = 0;
  for (size_t i = 0; i < deeds.size(); ++i) {
    intents.clear();
    for (const MarketDeed::Event& event : deeds[i].events) {
      intents.push_back({event.message.get(), event.intent_id, event.scope});
    }
    ASSIGN_OR_RETURN(const auto appended, client.AppendAll(intents, append));
    last = std::max(last, appended.back().count);
    if (++unflushed < flush_deeds && i + 1 < deeds.size()) continue;
    RETURN_IF_ERROR(client.Flush());
    unflushed = 0;
    if (durable) durable(last);
  }
  return absl::OkStatus();
}

}  // namespace intentlog
