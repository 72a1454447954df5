#include "tools/import/decimal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace intentlog {
namespace {

using ::testing::HasSubstr;

TEST(Decimal, WholeNumbersHaveASignAndFitIn64Bits) {
  EXPECT_EQ(*ParseWhole("0"), 0);
  EXPECT_EQ(*ParseWhole("-80995"), -80995);
  EXPECT_EQ(*ParseWhole("+12"), 12);
  EXPECT_EQ(*ParseWhole("9223372036854775807"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(*ParseWhole("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_THAT(ParseWhole("9223372036854775808").status().message(), HasSubstr("too large"));
  for (const char* bad : {"", "-", "1.0", "1e3", " 1", "1 ", "0x1", "--1", "1,000"}) {
    EXPECT_THAT(ParseWhole(bad).status().message(), HasSubstr("no whole number")) << bad;
  }
}

TEST(Decimal, PricesAreExactMillionths) {
  EXPECT_EQ(*ParseMicros("2.55"), 2'550'000);
  EXPECT_EQ(*ParseMicros("0.001"), 1'000);
  EXPECT_EQ(*ParseMicros("-11062.06"), -11'062'060'000);
  EXPECT_EQ(*ParseMicros("7"), 7'000'000);
  EXPECT_EQ(*ParseMicros("0.1"), 100'000);
  EXPECT_EQ(*ParseMicros("-0.000001"), -1);
  EXPECT_EQ(*ParseMicros("+1.234567"), 1'234'567);
  EXPECT_EQ(*ParseMicros("9223372036854.775807"), std::numeric_limits<int64_t>::max());
}

TEST(Decimal, WhatIsNoExactPriceIsRefused) {
  for (const char* bad : {"", "-", ".", "1.", ".5", "1,5", "1e3", "nan", "1.2.3",
                          "\xC2\xA3"
                          "1"}) {
    EXPECT_THAT(ParseMicros(bad).status().message(), HasSubstr("no decimal number")) << bad;
  }
  EXPECT_THAT(ParseMicros("1.0000001").status().message(), HasSubstr("7 decimals; at most 6"));
  EXPECT_THAT(ParseMicros("9223372036854.775808").status().message(), HasSubstr("too large"));
}

TEST(Decimal, TimesAreUtcWithOrWithoutSeconds) {
  EXPECT_EQ(*ParseTimeMicros("1970-01-01 00:00"), 0);
  EXPECT_EQ(*ParseTimeMicros("2010-12-01 08:26:00"), 1'291'191'960'000'000);
  EXPECT_EQ(*ParseTimeMicros("2010-12-01 08:26"), 1'291'191'960'000'000);
  EXPECT_EQ(*ParseTimeMicros("2012-02-29 23:59:59"), 1'330'559'999'000'000);
  EXPECT_EQ(*ParseTimeMicros("1969-12-31 23:59:59"), -1'000'000);
  EXPECT_TRUE(ParseTimeMicros("0001-01-01 00:00").ok());
}

TEST(Decimal, TimesThatDoNotExistOrLookOtherwiseAreRefused) {
  for (const char* bad :
       {"2011-02-29 10:00", "2011-13-01 10:00", "2011-00-01 10:00", "2011-04-31 10:00",
        "2011-01-01 24:00", "2011-01-01 10:60", "2011-01-01 10:00:60", "0000-01-01 10:00"}) {
    EXPECT_THAT(ParseTimeMicros(bad).status().message(), HasSubstr("no calendar")) << bad;
  }
  for (const char* bad :
       {"", "2011-01-01", "2011-01-01T10:00", "01/12/2010 08:26", "2011-1-1 10:00",
        "2011-01-01 10:00 ", "2011-01-01 1a:00", "2011-01-01 10:00:0"}) {
    EXPECT_THAT(ParseTimeMicros(bad).status().message(), HasSubstr("is no time")) << bad;
  }
}

TEST(Decimal, RevenueIsWholeMillsOrRefused) {
  EXPECT_EQ(*RevenueMills(6, 2'550'000), 15'300);
  EXPECT_EQ(*RevenueMills(-80'995, 2'080'000), -168'469'600);
  EXPECT_EQ(*RevenueMills(2, 500), 1);
  EXPECT_THAT(RevenueMills(1, 500).status().message(), HasSubstr("not whole mills"));
  EXPECT_THAT(RevenueMills(std::numeric_limits<int64_t>::max(), 2'000).status().message(),
              HasSubstr("too large"));
}

}  // namespace
}  // namespace intentlog
