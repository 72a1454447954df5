#include "tools/import/order_lines.h"

#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/rules.pb.h"
#include "tools/import/decimal.h"

namespace intentlog {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"InvoiceNo",  "StockCode",   "Description",
                                                    "Quantity",   "InvoiceDate", "UnitPrice",
                                                    "CustomerID", "Country"};

size_t LengthMax(int field_number) {
  const auto* field = commerce::OrderLineAdded::descriptor()->FindFieldByNumber(field_number);
  return field->options().GetExtension(intentlog::field).max_len();
}

// Bytes of the character that begins here, 0 if it is malformed: overlong, a surrogate, above
// U+10FFFF, or cut off.
size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first < 0xF0 || first > 0xF4) return 0;
  const unsigned low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
  return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
}

}  // namespace

bool IsUtf8(std::string_view text, size_t* bad) {
  for (size_t i = 0; i < text.size();) {
    const size_t bytes = CharacterBytes(text.substr(i));
    if (bytes == 0) {
      *bad = i;
      return false;
    }
    i += bytes;
  }
  return true;
}

OrderLineReader::OrderLineReader(ByteSource& source, std::string currency,
                                 const CsvOptions& options)
    : csv_(source, options), path_(source.path()), currency_(std::move(currency)) {
  using Line = commerce::OrderLineAdded;
  length_[kInvoice] = LengthMax(Line::kOrderIdFieldNumber);
  length_[kStockCode] = LengthMax(Line::kProductIdFieldNumber);
  length_[kDescription] = LengthMax(Line::kDescriptionFieldNumber);
  length_[kCustomer] = LengthMax(Line::kCustomerIdFieldNumber);
  length_[kCountry] = LengthMax(Line::kCountryFieldNumber);
}

template <class... Parts>
absl::Status OrderLineReader::Error(Column column, const Parts&... parts) const {
  return csv_.Error(at_[column], kNames[column], ": ", parts...);
}

absl::Status OrderLineReader::ReadHeader() {
  ASSIGN_OR_RETURN(const bool more, csv_.Next());
  if (!more) return Invalid(path_, ":1:1: the file is empty; it needs a line of column names");
  at_.fill(csv_.size());
  for (size_t i = 0; i < csv_.size(); ++i) {
    for (size_t column = 0; column < kColumns; ++column) {
      if (csv_.field(i) != kNames[column]) continue;
      if (at_[column] != csv_.size()) return csv_.Error(i, "a second column ", kNames[column]);
      at_[column] = i;
    }
  }
  RETURN_IF_ERROR(CheckHeader());
  columns_ = csv_.size();
  return absl::OkStatus();
}

absl::Status OrderLineReader::CheckHeader() const {
  std::string missing;
  for (size_t column = 0; column < kColumns; ++column) {
    if (at_[column] != csv_.size()) continue;
    missing += Cat(missing.empty() ? "" : ", ", kNames[column]);
  }
  if (missing.empty()) return absl::OkStatus();
  return csv_.Error(0, "the first line must name the columns; missing: ", missing);
}

// Skips lines without a single character: they are what editors leave at the end of a file.
absl::StatusOr<bool> OrderLineReader::NextRecord() {
  do {
    ASSIGN_OR_RETURN(const bool more, csv_.Next());
    if (!more) return false;
  } while (csv_.size() == 1 && csv_.field(0).empty());
  if (csv_.size() != columns_) {
    return csv_.Error(csv_.size() > columns_ ? columns_ : csv_.size() - 1, "the row has ",
                      csv_.size(), " fields, the first line names ", columns_, " columns");
  }
  return true;
}

absl::StatusOr<bool> OrderLineReader::Next(commerce::OrderLineAdded& line) {
  if (columns_ == 0) RETURN_IF_ERROR(ReadHeader());
  ASSIGN_OR_RETURN(const bool more, NextRecord());
  if (!more) return false;
  RETURN_IF_ERROR(ReadTexts(line));
  RETURN_IF_ERROR(ReadNumbers(line));
  ++row_.number;
  return true;
}

absl::StatusOr<std::string_view> OrderLineReader::Text(Column column) const {
  const std::string_view text = Field(column);
  size_t bad = 0;
  if (!IsUtf8(text, &bad)) {
    return Error(column, "byte ", bad + 1, " of the field is no UTF-8; convert the file to UTF-8");
  }
  if (length_[column] > 0 && text.size() > length_[column]) {
    return Error(column, text.size(), " bytes long; at most ", length_[column]);
  }
  return text;
}

absl::Status OrderLineReader::ReadTexts(commerce::OrderLineAdded& line) const {
  ASSIGN_OR_RETURN(const std::string_view invoice, Text(kInvoice));
  if (invoice.empty()) return Error(kInvoice, "is empty; every row needs its invoice's number");
  ASSIGN_OR_RETURN(const std::string_view stock_code, Text(kStockCode));
  ASSIGN_OR_RETURN(const std::string_view description, Text(kDescription));
  ASSIGN_OR_RETURN(const std::string_view customer, Text(kCustomer));
  ASSIGN_OR_RETURN(const std::string_view country, Text(kCountry));
  line.mutable_order_id()->assign(invoice);
  line.mutable_product_id()->assign(stock_code);
  line.mutable_description()->assign(description);
  line.mutable_customer_id()->assign(customer);
  line.mutable_country()->assign(country);
  line.mutable_currency()->assign(currency_);
  return absl::OkStatus();
}

absl::Status OrderLineReader::ReadNumbers(commerce::OrderLineAdded& line) {
  const auto quantity = ParseWhole(Field(kQuantity));
  if (!quantity.ok()) return Error(kQuantity, quantity.status());
  const auto time = ParseTimeMicros(Field(kDate));
  if (!time.ok()) return Error(kDate, time.status());
  const auto price = ParseMicros(Field(kPrice));
  if (!price.ok()) return Error(kPrice, price.status());
  const auto revenue = RevenueMills(*quantity, *price);
  if (!revenue.ok()) {
    return Error(kPrice, revenue.status(), ": ", Field(kQuantity), " x ", Field(kPrice));
  }
  line.set_quantity(*quantity);
  line.set_sold_at_us(*time);
  line.set_unit_price_micros(*price);
  row_.revenue_mills = *revenue;
  return absl::OkStatus();
}

}  // namespace intentlog
