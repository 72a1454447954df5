// Verbs of a shop for scenarios: events in one line each. Prices are in whole pounds.
#pragma once

#include <string>
#include <string_view>

#include "proto/commerce.pb.h"

namespace intentlog::scenario {

inline commerce::OrderLineAdded Line(std::string_view order, std::string_view product,
                                     int64_t quantity = 1, int64_t price = 2) {
  commerce::OrderLineAdded line;
  line.set_order_id(std::string(order));
  line.set_product_id(std::string(product));
  line.set_quantity(quantity);
  line.set_unit_price_micros(price * 1'000'000);
  line.set_sold_at_us(1'300'000'000'000'000);
  line.set_country("United Kingdom");
  return line;
}

inline commerce::OrderCancelled Cancel(std::string_view order) {
  commerce::OrderCancelled cancelled;
  cancelled.set_order_id(std::string(order));
  return cancelled;
}

inline commerce::PriceSet Price(std::string_view product, int64_t price) {
  commerce::PriceSet set;
  set.set_product_id(std::string(product));
  set.set_price_micros(price * 1'000'000);
  return set;
}

inline commerce::ProductDescribed Describe(std::string_view product, std::string_view text) {
  commerce::ProductDescribed described;
  described.set_product_id(std::string(product));
  described.set_description(std::string(text));
  return described;
}

inline commerce::StockMoved Move(std::string_view product, int64_t delta) {
  commerce::StockMoved moved;
  moved.set_product_id(std::string(product));
  moved.set_delta(delta);
  return moved;
}

inline commerce::StockCounted CountStock(std::string_view product, int64_t on_hand) {
  commerce::StockCounted counted;
  counted.set_product_id(std::string(product));
  counted.set_on_hand(on_hand);
  return counted;
}

inline commerce::OrderOpened Open(std::string_view order, std::string_view customer) {
  commerce::OrderOpened opened;
  opened.set_order_id(std::string(order));
  opened.set_customer_id(std::string(customer));
  return opened;
}

inline commerce::VoucherRedeemed Redeem(std::string_view voucher, std::string_view order) {
  commerce::VoucherRedeemed redeemed;
  redeemed.set_voucher_id(std::string(voucher));
  redeemed.set_order_id(std::string(order));
  return redeemed;
}

inline commerce::CustomerUpdated Named(std::string_view customer, std::string_view name) {
  commerce::CustomerUpdated updated;
  updated.set_customer_id(std::string(customer));
  updated.set_name(std::string(name));
  return updated;
}

inline commerce::CustomerUpdated Phoned(std::string_view customer, std::string_view phone) {
  commerce::CustomerUpdated updated;
  updated.set_customer_id(std::string(customer));
  updated.set_phone(std::string(phone));
  return updated;
}

inline commerce::CustomerUpdated Credited(std::string_view customer, int64_t pounds) {
  commerce::CustomerUpdated updated;
  updated.set_customer_id(std::string(customer));
  updated.set_credit_limit_micros(pounds * 1'000'000);
  return updated;
}

}  // namespace intentlog::scenario
