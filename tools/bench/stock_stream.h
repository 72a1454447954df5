// A StockStream makes the stock movements of one till: goods of its shop come in and go out, in
// rounds of all the shop's products, each round in another order. The same movements for the same
// options. Thread-compatible.
#pragma once

#include <cstdint>
#include <vector>

#include "eventlog/runtime/random.h"
#include "proto/commerce.pb.h"
#include "tools/bench/order_stream.h"

namespace intentlog::bench {

struct StockStreamOptions {
  uint64_t seed = 1;
  int till = 0;
  // Numbers of the shop's products: no other shop has them.
  uint32_t first_product = 0;
  uint32_t products = 1000;
};

class StockStream final : public EventStream {
 public:
  explicit StockStream(const StockStreamOptions& options);

  const commerce::StockMoved& Next();
  const google::protobuf::Message* NextEvent() override { return &Next(); }

 private:
  void Shuffle();

  SeededRandom random_;
  std::vector<uint32_t> products_;
  size_t next_ = 0;  // of products_
  int64_t now_us_;
  commerce::StockMoved moved_;
};

}  // namespace intentlog::bench
