// An OrderStream makes the order lines of one till, shaped like a year of a real gift shop: 21
// lines an order on average, 4,070 products of which few sell most, 305 trading days, 38 countries,
// a quarter of the orders without a customer. The same lines for the same options.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/random.h"
#include "eventlog/schema/schema.h"
#include "google/protobuf/message.h"
#include "proto/commerce.pb.h"

namespace intentlog::bench {

// Events of one till, one after another, all of one type. Thread-compatible.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // The next one, valid until the next call; null at the end.
  virtual const google::protobuf::Message* NextEvent() = 0;
};

struct OrderStreamOptions {
  uint64_t seed = 1;
  int till = 0;             // begins every order's id, so that no order is on two tills
  uint64_t lines = 500000;  // that the year has on this till; its days are spread over them
};

class OrderStream final : public EventStream {
 public:
  explicit OrderStream(const OrderStreamOptions& options);

  const commerce::OrderLineAdded& Next();
  const google::protobuf::Message* NextEvent() override { return &Next(); }

 private:
  void BeginOrder();

  const OrderStreamOptions options_;
  SeededRandom random_;
  uint64_t made_ = 0;
  uint64_t orders_ = 0;
  uint64_t left_in_order_ = 0;
  commerce::OrderLineAdded line_;
};

// The event types of a shop, as this binary was built with them.
std::shared_ptr<const Schema> ShopSchema();

// The next line, valid until the next call; null at the end.
using NextLine = std::function<const commerce::OrderLineAdded*()>;

// Such lines as events.
class LineStream final : public EventStream {
 public:
  explicit LineStream(NextLine next) : next_(std::move(next)) {}
  const google::protobuf::Message* NextEvent() override { return next_(); }

 private:
  const NextLine next_;
};

// Intents as a device would write them for such events, serialized. Thread-compatible.
class IntentStream {
 public:
  // `seed` is of their ids.
  IntentStream(std::unique_ptr<EventStream> events, std::string scope, uint64_t seed);
  IntentStream(const OrderStreamOptions& options, std::string scope);
  IntentStream(const IntentStream&) = delete;
  IntentStream& operator=(const IntentStream&) = delete;

  struct Made {
    IntentId id;
    std::string bytes;  // serialized Intent
  };
  // REQUIRES: the lines are not at their end.
  Made Next();
  // False at the end of the lines.
  bool Next(Made& made);

 private:
  const std::shared_ptr<const Schema> schema_;
  const std::string scope_;
  const std::unique_ptr<EventStream> events_;
  SeededRandom random_;
  IntentIdMaker ids_;
  Intent intent_;
};

}  // namespace intentlog::bench
