#include "projections/views/shop_view.h"

#include <memory>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema.h"
#include "proto/commerce.pb.h"
#include "proto/event.pb.h"

namespace intentlog {
namespace {

using commerce::GoodsReturned;
using commerce::OrderCancelled;
using commerce::OrderLineAdded;
using commerce::OrderOpened;
using commerce::PriceSet;
using commerce::StockCounted;
using commerce::StockMoved;

constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kBeginUs = 1'290'988'800'000'000;  // 2010-11-29 00:00
constexpr int kOrders = 24;

std::shared_ptr<const Schema> ShopEvents() {
  static const auto* const schema =
      new std::shared_ptr<const Schema>(Schema::Compiled({OrderOpened::descriptor()->file()}));
  return *schema;
}

// Puts events into the log as a server would have decided them.
class Writer {
 public:
  explicit Writer(const TakeGolden& take) : take_(take), decoder_(ShopEvents()) {}

  int64_t now_us() const { return kBeginUs + static_cast<int64_t>(position_) * 5 * kHourUs; }

  void Accept(const google::protobuf::Message& event) { Decide(event, ACCEPTED, Reason()); }
  // Returns what Settle closes.
  Header Open(const google::protobuf::Message& event, Decision decision, Rule rule) {
    Reason reason;
    reason.set_code(Reason::CONCURRENT_CHANGE);
    reason.set_rule(rule);
    if (rule == FIELDWISE) reason.add_fields("price_micros");
    return Decide(event, decision, reason);
  }
  void Settle(const Header& open, const google::protobuf::Message& event, Settlement settlement) {
    settlement.set_of(open.position());
    settlement.set_open_type(event.GetTypeName());
    settlement.set_open_decision(open.decision());
    *settlement.mutable_open_reason() = open.reason();
    settlement.set_opened_at_us(open.server_time_us());
    settlement.set_type(event.GetTypeName());
    settlement.set_schema_version(1);
    settlement.set_payload(event.SerializeAsString());
    Header header;
    header.set_decision(settlement.decision());
    header.set_settlement_of(open.position());
    Write(header, settlement, 0);
  }

 private:
  Header Decide(const google::protobuf::Message& event, Decision decision, const Reason& reason) {
    Header header;
    header.set_decision(decision);
    if (decision != ACCEPTED) *header.mutable_reason() = reason;
    const bool counted = event.GetDescriptor() == StockCounted::descriptor();
    return Write(header, event, counted ? 2 : 1);
  }
  Header Write(Header header, const google::protobuf::Message& payload, uint32_t version) {
    header.set_position(++position_);
    header.set_server_time_us(now_us());
    const std::string scope = position_ % 5 == 0 ? "shop-2" : "shop-1";
    Intent intent;
    intent.set_type(payload.GetTypeName());
    intent.set_schema_version(version);
    intent.set_entity_type("product");
    intent.set_entity_id("product-1");
    intent.set_scope(scope);
    intent.set_payload(payload.SerializeAsString());
    const std::string header_bytes = header.SerializeAsString();
    const std::string intent_bytes = intent.SerializeAsString();
    const auto event =
        decoder_.Decode({Position(position_), scope, true, header_bytes, intent_bytes});
    INTENTLOG_CHECK(event.ok());
    take_(**event);
    return header;
  }

  const TakeGolden& take_;
  EventDecoder decoder_;
  uint64_t position_ = 0;
};

void Sell(int order, Writer& log) {
  OrderOpened opened;
  opened.set_order_id(Cat("order-", order));
  opened.set_customer_id(order % 4 == 0 ? "" : Cat("customer-", order % 5));
  opened.set_country(order % 3 == 0 ? "EIRE" : "France");
  opened.set_opened_at_us(log.now_us());
  if (order % 2 == 0) log.Accept(opened);
  for (int i = 0; i <= order % 4; ++i) {
    OrderLineAdded line;
    line.set_order_id(opened.order_id());
    line.set_product_id(Cat("product-", (order + 3 * i) % 7));
    line.set_description(Cat("THING ", i));
    line.set_quantity(order % 6 == 5 ? -i - 1 : 2 * i + 1);
    line.set_unit_price_micros(1'250'000 + 10'000 * order);
    line.set_sold_at_us(log.now_us());
    line.set_customer_id(opened.customer_id());
    line.set_country(opened.country());
    log.Accept(line);
  }
  if (order % 5 == 1) {
    GoodsReturned back;
    back.set_order_id(opened.order_id());
    back.set_product_id(Cat("product-", order % 7));
    back.set_quantity(1);
    back.set_refund_micros(1'000'000);
    back.set_returned_at_us(log.now_us());
    log.Accept(back);
  }
  if (order % 7 == 2) {
    OrderCancelled cancelled;
    cancelled.set_order_id(opened.order_id());
    cancelled.set_reason("nobody came");
    cancelled.set_cancelled_at_us(log.now_us());
    log.Accept(cancelled);
  }
}

void Store(int order, Writer& log) {
  StockMoved moved;
  moved.set_product_id(Cat("product-", order % 7));
  moved.set_delta(order % 2 == 0 ? 12 : -1);
  moved.set_moved_at_us(log.now_us());
  log.Accept(moved);
  if (order % 6 != 3) return;
  StockCounted counted;
  counted.set_product_id(moved.product_id());
  counted.set_on_hand(40 + order);
  counted.mutable_count()->set_at_us(log.now_us());
  counted.mutable_count()->set_by("ann");
  log.Accept(counted);
}

// Conflicts of each kind of end, and one that is still open.
void Argue(Writer& log) {
  PriceSet price;
  price.set_product_id("product-1");
  price.set_price_micros(1'500'000);
  const auto by = [](const std::string& resolver, Resolve::Verdict verdict, Decision decision) {
    Settlement settlement;
    settlement.set_decision(decision);
    settlement.set_resolver(resolver);
    settlement.set_verdict(verdict);
    return settlement;
  };
  log.Settle(log.Open(price, CONFLICTED, REVIEW), price, by("till-2", Resolve::APPLY, ACCEPTED));
  log.Settle(log.Open(price, CONFLICTED, FIELDWISE), price,
             by("operator", Resolve::REPLACE, ACCEPTED));
  log.Settle(log.Open(price, CONFLICTED, REVIEW), price, by("till-2", Resolve::DROP, REJECTED));
  log.Settle(log.Open(price, CONFLICTED, REVIEW), price,
             by("", Resolve::VERDICT_UNSPECIFIED, MERGED));
  Settlement turned = by("", Resolve::VERDICT_UNSPECIFIED, CONFLICTED);
  turned.set_turned(true);
  turned.mutable_reason()->set_code(Reason::CONCURRENT_CHANGE);
  turned.mutable_reason()->set_rule(REVIEW);
  log.Settle(log.Open(price, PARKED, REVIEW), price, turned);
  log.Open(price, CONFLICTED, REVIEW);
  log.Open(price, REJECTED, REVIEW);
}

}  // namespace

void ShopGoldenLog(const TakeGolden& take) {
  Writer log(take);
  for (int order = 0; order < kOrders; ++order) {
    Sell(order, log);
    Store(order, log);
    if (order % 8 == 4) Argue(log);
  }
}

std::string ShopView::fingerprint() const {
  std::call_once(once_, [this] { fingerprint_ = FingerprintOf(*this, ShopGoldenLog); });
  return fingerprint_;
}

}  // namespace intentlog
