// OrderFigures counts what an order file holds, as its golden figures name and count it: from the
// rows themselves, without any event, log or read model in between. Memory: 16 bytes and little
// more for each different invoice, customer, country, product and description. Thread-compatible.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "proto/commerce.pb.h"

namespace intentlog {

// How many different texts there were. Told apart by 128-bit hashes.
class DistinctTexts {
 public:
  void Add(std::string_view text);
  uint64_t size() const { return seen_.size(); }

 private:
  struct Hash {
    uint64_t low, high;
    bool operator==(const Hash&) const = default;
  };
  struct Low {
    size_t operator()(const Hash& hash) const { return hash.low; }
  };
  std::unordered_set<Hash, Low> seen_;
  Hash last_ = {0, 0};
};

class OrderFigures {
 public:
  void Add(const commerce::OrderLineAdded& line, int64_t revenue_mills);

  uint64_t rows() const { return rows_; }
  uint64_t invoices() const { return invoices_.size(); }
  uint64_t customers() const { return customers_.size(); }  // without the empty one
  uint64_t countries() const { return countries_.size(); }
  uint64_t stock_codes() const { return stock_codes_.size(); }
  int64_t revenue_mills() const { return revenue_mills_; }
  int64_t units_net() const { return units_positive_ + units_negative_; }

  // Every figure under its golden name, in the golden order.
  std::vector<std::pair<std::string, int64_t>> All() const;

 private:
  void AddByKind(const commerce::OrderLineAdded& line, int64_t revenue_mills);

  uint64_t rows_ = 0;
  DistinctTexts invoices_, invoices_cancelled_, invoices_other_letter_;
  DistinctTexts customers_, countries_, stock_codes_, descriptions_;
  uint64_t rows_cancelled_ = 0, rows_other_letter_ = 0;
  uint64_t rows_without_customer_ = 0, rows_without_description_ = 0;
  uint64_t rows_going_back_in_time_ = 0;
  uint64_t rows_negative_quantity_ = 0, rows_negative_quantity_not_cancelled_ = 0;
  uint64_t rows_zero_quantity_ = 0, rows_zero_price_ = 0, rows_negative_price_ = 0;
  uint64_t rows_sub_penny_price_ = 0;
  int64_t units_positive_ = 0, units_negative_ = 0;
  int64_t revenue_mills_ = 0, revenue_mills_cancelled_ = 0, revenue_mills_other_letter_ = 0;
  int64_t last_time_us_ = std::numeric_limits<int64_t>::min();
};

// An invoice number that begins with a letter: 'C' is a cancellation.
enum class InvoiceKind { kPlain, kCancelled, kOtherLetter };
InvoiceKind KindOfInvoice(std::string_view invoice);

}  // namespace intentlog
