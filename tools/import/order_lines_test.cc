#include "tools/import/order_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "eventlog/runtime/text.h"
#include "tools/import/order_figures.h"
#include "tools/import/sales_tally.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kHeader[] =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

absl::StatusOr<std::vector<OrderLineAdded>> Read(const std::string& bytes) {
  auto source = SourceFromMemory("f.csv", bytes);
  OrderLineReader reader(*source, "GBP");
  std::vector<OrderLineAdded> lines;
  OrderLineAdded line;
  for (;;) {
    auto more = reader.Next(line);
    if (!more.ok()) return more.status();
    if (!*more) return lines;
    lines.push_back(line);
    EXPECT_EQ(reader.row().number, lines.size());
  }
}

// What is wrong with a file whose second line, after the header, is `row`.
std::string ErrorOf(const std::string& row) {
  return std::string(Read(Cat(kHeader, row, "\n")).status().message());
}

TEST(OrderLines, ARowIsAnEventWithAllItsFields) {
  auto lines = Read(Cat(kHeader,
                        "536365,85123A,\" HEART, \xC2\xA3 \",6,2010-12-01 08:26:00,2.55,17850,"
                        "United Kingdom\n"));
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 1u);
  const OrderLineAdded& line = (*lines)[0];
  EXPECT_EQ(line.order_id(), "536365");
  EXPECT_EQ(line.product_id(), "85123A");
  EXPECT_EQ(line.description(), " HEART, \xC2\xA3 ");
  EXPECT_EQ(line.quantity(), 6);
  EXPECT_EQ(line.unit_price_micros(), 2'550'000);
  EXPECT_EQ(line.sold_at_us(), 1'291'191'960'000'000);
  EXPECT_EQ(line.customer_id(), "17850");
  EXPECT_EQ(line.country(), "United Kingdom");
  EXPECT_EQ(line.currency(), "GBP");
}

TEST(OrderLines, ColumnsAreFoundByNameInAnyOrderAndOthersAreIgnored) {
  auto lines = Read(
      "Till,Country,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo\r\n"
      "7,,,0.5,2011-01-02 03:04,-2,,,C9\r\n");
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ((*lines)[0].order_id(), "C9");
  EXPECT_EQ((*lines)[0].quantity(), -2);
  EXPECT_EQ((*lines)[0].country(), "");
}

TEST(OrderLines, EmptyLinesAreNoRows) {
  auto lines = Read(Cat(kHeader, "\nA,,,1,2011-01-02 03:04,1,,\r\n\r\n\n"));
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(lines->size(), 1u);
}

TEST(OrderLines, AHeaderThatLacksColumnsOrHasOneTwiceIsRefused) {
  EXPECT_EQ(Read("").status().message(),
            "f.csv:1:1: the file is empty; it needs a line of column names");
  EXPECT_THAT(
      std::string(Read("InvoiceNo,StockCode,Description,Quantity,Country\n").status().message()),
      HasSubstr("missing: InvoiceDate, UnitPrice, CustomerID"));
  EXPECT_THAT(std::string(Read(Cat("Country,", kHeader)).status().message()),
              StartsWith("f.csv:1:83: a second column Country"));
}

TEST(OrderLines, ABadRowIsNamedWithLineColumnAndReason) {
  EXPECT_THAT(ErrorOf(",B,c,1,2011-01-02 03:04,1,,"), StartsWith("f.csv:2:1: InvoiceNo: is empty"));
  EXPECT_THAT(ErrorOf("A,B,c,x,2011-01-02 03:04,1,,"),
              StartsWith("f.csv:2:7: Quantity: \"x\" is no whole number"));
  EXPECT_THAT(ErrorOf("A,B,\xC2\xA3,1,2011-02-30 03:04,1,,"),
              StartsWith("f.csv:2:9: InvoiceDate: \"2011-02-30 03:04\" is a time that no"));
  EXPECT_THAT(ErrorOf("A,B,c,1,2011-01-02 03:04,1.x,,"), StartsWith("f.csv:2:26: UnitPrice: "));
  EXPECT_EQ(ErrorOf("A,B,c,3,2011-01-02 03:04,0.0005,,"),
            "f.csv:2:26: UnitPrice: quantity times price is not whole mills (thousandths): "
            "3 x 0.0005");
  EXPECT_THAT(ErrorOf("A,B,c,9223372036854775807,2011-01-02 03:04,1,,"),
              HasSubstr("too large an amount"));
  EXPECT_THAT(ErrorOf("A,B,a\xC3\x28,1,2011-01-02 03:04,1,,"),
              StartsWith("f.csv:2:5: Description: byte 2 of the field is no UTF-8"));
  EXPECT_THAT(ErrorOf(Cat(std::string(201, 'x'), ",B,c,1,2011-01-02 03:04,1,,")),
              StartsWith("f.csv:2:1: InvoiceNo: 201 bytes long; at most 200"));
  EXPECT_THAT(ErrorOf("A,B,c"), StartsWith("f.csv:2:5: the row has 3 fields, the first line"));
  EXPECT_THAT(ErrorOf("A,B,c,1,2011-01-02 03:04,1,,,9"), HasSubstr("the row has 9 fields"));
}

TEST(OrderLines, Utf8IsCheckedStrictly) {
  size_t bad = 0;
  for (const char* good : {"", "abc", "\xC2\xA3", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    EXPECT_TRUE(IsUtf8(good, &bad)) << good;
  }
  for (const char* wrong : {"\x80", "\xC0\xAF", "\xC2", "\xE0\x80\x80", "\xED\xA0\x80", "\xFF",
                            "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xE2\x82"}) {
    EXPECT_FALSE(IsUtf8(Cat("ab", wrong), &bad));
    EXPECT_EQ(bad, 2u);
  }
}

TEST(OrderLines, FiguresAndTallyCountAsTheGoldenOnesDo) {
  auto lines = Read(Cat(kHeader,
                        "1,P,d,2,2011-01-31 23:59,1.50,c,UK\n"
                        "1,p,,1,2011-02-01 00:00,0.001,c,UK\n"
                        "C2,P,d,-1,2011-01-31 10:00,1.50,,\n"
                        "A3,B,e,1,2011-02-01 00:00,-5,,\n"));
  ASSERT_TRUE(lines.ok()) << lines.status();
  OrderFigures figures;
  SalesTally tally;
  for (const OrderLineAdded& line : *lines) {
    const int64_t mills = line.quantity() * line.unit_price_micros() / 1000;
    figures.Add(line, mills);
    tally.Add(line, mills);
  }
  std::map<std::string, int64_t> all;
  for (const auto& [name, value] : figures.All()) all[name] = value;
  EXPECT_EQ(all["rows"], 4);
  EXPECT_EQ(all["invoices"], 3);
  EXPECT_EQ(all["invoices_plain"], 1);
  EXPECT_EQ(all["customers"], 1);
  EXPECT_EQ(all["rows_without_customer"], 2);
  EXPECT_EQ(all["countries"], 2);
  EXPECT_EQ(all["stock_codes"], 3);
  EXPECT_EQ(all["descriptions"], 2);
  EXPECT_EQ(all["rows_going_back_in_time"], 1);
  EXPECT_EQ(all["units_net"], 3);
  EXPECT_EQ(all["revenue_mills"], 3000 + 1 - 1500 - 5000);
  EXPECT_EQ(all["rows_sub_penny_price"], 1);
  EXPECT_EQ(SalesTsv(tally.View("sales_by_month")), "2011-01\t2\t1\t1500\n2011-02\t2\t2\t-4999\n");
  EXPECT_EQ(SalesTsv(tally.View("sales_by_customer")), "\t2\t0\t-6500\nc\t2\t3\t3001\n");
  EXPECT_EQ(DayText(-1), "1969-12-31");
}

}  // namespace
}  // namespace intentlog
