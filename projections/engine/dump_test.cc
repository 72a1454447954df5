#include "projections/engine/dump.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "projections/views/commerce_views.h"
#include "projections/views/orders.h"
#include "projections/views/sales.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;
using views::OrderRow;
using views::SalesRow;

// Gives rows that it was made with.
class MadeCursor final : public RowCursor {
 public:
  template <class T>
  void Push(const std::string& key, const T& message) {
    MergedRow row;
    row.key = key;
    row.row.Edit<T>() = message;
    rows_.push_back(std::move(row));
  }
  absl::StatusOr<const MergedRow*> Next() override {
    if (next_ == rows_.size()) return nullptr;
    return &rows_[next_++];
  }

 private:
  std::vector<MergedRow> rows_;
  size_t next_ = 0;
};

SalesRow Sales(int64_t lines, int64_t units, int64_t revenue_micros) {
  SalesRow row;
  row.set_lines(lines);
  row.set_units(units);
  row.set_revenue_micros(revenue_micros);
  return row;
}

absl::StatusOr<std::string> Dump(RowCursor& cursor, const Projection& projection) {
  std::string text;
  const absl::Status status = DumpTsv(cursor, projection, [&](std::string_view line) {
    text.append(line);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return text;
}

TEST(DumpTest, ALineIsKeyAndColumns) {
  MadeCursor cursor;
  cursor.Push("", Sales(1, -2, 0));
  cursor.Push("EIRE", Sales(3, 7, 12'752'000));
  EXPECT_EQ(*Dump(cursor, *SalesByCountry()), "\t1\t-2\t0\nEIRE\t3\t7\t12752\n");
}

TEST(DumpTest, KeysAndColumnsCannotBreakALine) {
  OrderRow order;
  order.set_customer_id("a\tb\\c");
  order.set_cancel_reason("one\ntwo\r");
  MadeCursor cursor;
  cursor.Push("k\t\n\r\\", order);
  EXPECT_EQ(*Dump(cursor, *OrdersView()),
            "k\\t\\n\\r\\\\\topen\ta\\tb\\\\c\t\t0\t0\t0\t0\t0\tone\\ntwo\\r\n");
}

TEST(DumpTest, ARowThatDoesNotPrintIsNamed) {
  MadeCursor cursor;
  cursor.Push("EIRE", Sales(3, 7, 1));
  EXPECT_THAT(std::string(MessageOf(Dump(cursor, *SalesByCountry()).status())),
              HasSubstr("view sales_by_country, key \"EIRE\": revenue of 1 micros"));
}

TEST(DumpTest, AnErrorOfTheReaderEndsIt) {
  MadeCursor cursor;
  cursor.Push("a", Sales(1, 1, 0));
  cursor.Push("b", Sales(1, 1, 0));
  int lines = 0;
  const absl::Status status = DumpTsv(cursor, *SalesByCountry(), [&](std::string_view) {
    ++lines;
    return Unavailable("pipe closed");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(lines, 1);
}

TEST(DumpTest, ARowIsJson) {
  Row row;
  row.Edit<SalesRow>() = Sales(3, 0, -5);
  EXPECT_EQ(*RowJson(row), R"({"lines":"3","units":"0","revenue_micros":"-5"})");
}

}  // namespace
}  // namespace intentlog
