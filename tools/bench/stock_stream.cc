#include "tools/bench/stock_stream.h"

#include <numeric>
#include <string>
#include <utility>

namespace intentlog::bench {
namespace {

constexpr uint32_t kFirstNumber = 2000000;
constexpr int64_t kBeginUs = 1291161600000000;  // 2010-12-01
constexpr int64_t kSecondUs = 1000000;

}  // namespace

StockStream::StockStream(const StockStreamOptions& options)
    : random_(options.seed * 1000033 + static_cast<uint64_t>(options.till) + 1),
      products_(options.products),
      now_us_(kBeginUs) {
  std::iota(products_.begin(), products_.end(), kFirstNumber + options.first_product);
}

void StockStream::Shuffle() {
  for (size_t i = products_.size(); i > 1; --i) {
    std::swap(products_[i - 1], products_[random_.Below(i)]);
  }
}

const commerce::StockMoved& StockStream::Next() {
  if (next_ == 0) Shuffle();
  now_us_ += static_cast<int64_t>(random_.Below(120)) * kSecondUs;
  moved_.set_product_id(std::to_string(products_[next_]));
  const bool comes_in = random_.Below(5) == 0;
  const auto units = static_cast<int64_t>(1 + random_.Below(24));
  moved_.set_delta(comes_in ? 4 * units : -units);
  moved_.set_reason(comes_in ? "delivery" : "sale");
  moved_.set_moved_at_us(now_us_);
  next_ = (next_ + 1) % products_.size();
  return moved_;
}

}  // namespace intentlog::bench
