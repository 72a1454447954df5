// An OrderLineReader turns the rows of an order file into OrderLineAdded events: one row, one
// event. The eight columns are found by the names in the first line, in any order; further columns
// are ignored.
//
//   InvoiceNo    any text, not empty          UnitPrice    decimal, up to 6 decimals
//   StockCode    any text                     CustomerID   any text
//   Description  any text, blanks kept        Country      any text
//   Quantity     whole number                 InvoiceDate  YYYY-MM-DD HH:MM[:SS], taken as UTC
//
// Every row is checked whole (UTF-8, lengths that the schema allows, amounts that fit and are whole
// mills) before it is given out; the first bad one ends the reading with "FILE:LINE:COLUMN: …".
// Thread-compatible; the source must outlive it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/commerce.pb.h"
#include "tools/import/csv.h"

namespace intentlog {

// The row behind an event, for what counts and routes rows.
struct OrderFileRow {
  uint64_t number = 0;  // 1 for the first row after the header
  int64_t revenue_mills = 0;
};

class OrderLineReader {
 public:
  // `currency` (ISO 4217, or empty) goes into every line.
  OrderLineReader(ByteSource& source, std::string currency, const CsvOptions& options = {});

  // The next row as an event; false at the end. Fills every field of `line`, which may be used
  // again.
  absl::StatusOr<bool> Next(commerce::OrderLineAdded& line);
  // Of the last event.
  const OrderFileRow& row() const { return row_; }

 private:
  enum Column {
    kInvoice,
    kStockCode,
    kDescription,
    kQuantity,
    kDate,
    kPrice,
    kCustomer,
    kCountry,
    kColumns
  };

  absl::Status ReadHeader();
  absl::Status CheckHeader() const;
  absl::StatusOr<bool> NextRecord();
  absl::StatusOr<std::string_view> Text(Column column) const;
  absl::Status ReadTexts(commerce::OrderLineAdded& line) const;
  absl::Status ReadNumbers(commerce::OrderLineAdded& line);
  std::string_view Field(Column column) const { return csv_.field(at_[column]); }
  template <class... Parts>
  absl::Status Error(Column column, const Parts&... parts) const;

  CsvReader csv_;
  const std::string path_;
  const std::string currency_;
  std::array<size_t, kColumns> at_ = {};      // index of each column in a record
  std::array<size_t, kColumns> length_ = {};  // most bytes of a text, by the schema; 0: no limit
  size_t columns_ = 0;                        // in the header; 0: not read yet
  OrderFileRow row_;
};

// True if `text` is well-formed UTF-8; otherwise `bad` is the offset of the first byte that is not.
bool IsUtf8(std::string_view text, size_t* bad);

}  // namespace intentlog
