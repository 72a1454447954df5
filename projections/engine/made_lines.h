// Commerce events that look like a shop's day, in any number, the same for equal seeds: for tests.
#pragma once

#include <memory>
#include <random>
#include <string>

#include "google/protobuf/message.h"
#include "proto/commerce.pb.h"

namespace intentlog {

class MadeLines {
 public:
  explicit MadeLines(uint32_t seed) : dice_(seed) {}

  uint32_t Roll(uint32_t n) { return static_cast<uint32_t>(dice_() % n); }

  // Mostly order lines; sometimes another event. Few orders and products, so that rows change
  // often.
  std::unique_ptr<google::protobuf::Message> Next() {
    switch (Roll(12)) {
      case 0: {
        auto event = std::make_unique<commerce::OrderOpened>();
        event->set_order_id(Order());
        event->set_customer_id(Customer());
        event->set_opened_at_us(Moment());
        return event;
      }
      case 1: {
        auto event = std::make_unique<commerce::OrderCancelled>();
        event->set_order_id(Order());
        event->set_reason("none\tgiven");
        return event;
      }
      case 2: {
        auto event = std::make_unique<commerce::GoodsReturned>();
        event->set_order_id(Order());
        event->set_product_id(Product());
        event->set_quantity(1 + Roll(3));
        event->set_refund_micros(Roll(5'000'000));
        return event;
      }
      case 3: {
        auto event = std::make_unique<commerce::StockCounted>();
        event->set_product_id(Product());
        event->set_on_hand(Roll(100));
        event->mutable_count()->set_at_us(Moment());
        return event;
      }
      case 4: {
        auto event = std::make_unique<commerce::StockMoved>();
        event->set_product_id(Product());
        event->set_delta(static_cast<int64_t>(Roll(40)) - 20);
        return event;
      }
      default:
        return Line();
    }
  }

 private:
  std::unique_ptr<google::protobuf::Message> Line() {
    auto event = std::make_unique<commerce::OrderLineAdded>();
    event->set_order_id(Order());
    event->set_product_id(Product());
    event->set_description("a thing");
    event->set_quantity(static_cast<int64_t>(Roll(30)) - 5);
    event->set_unit_price_micros(1000 * Roll(20'000));
    event->set_sold_at_us(Moment());
    event->set_customer_id(Customer());
    event->set_country(Roll(4) != 0 ? "United Kingdom" : "EIRE");
    return event;
  }
  std::string Order() { return std::to_string(536365 + Roll(60)); }
  std::string Product() { return Roll(20) != 0 ? std::to_string(20000 + Roll(40)) : ""; }
  std::string Customer() { return Roll(4) != 0 ? std::to_string(12346 + Roll(10)) : ""; }
  int64_t Moment() { return 1'291'191'960'000'000 + Roll(200) * int64_t{86'400'000'000} / 3; }

  std::mt19937 dice_;
};

}  // namespace intentlog
