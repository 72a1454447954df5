#include "eventlog/schema/json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

class JsonTest : public testing::Test {
 protected:
  absl::StatusOr<commerce::OrderLineAdded> Line(std::string_view json) {
    const auto payload = PayloadFromJson(*schema_->Find("OrderLineAdded"), json);
    if (!payload.ok()) return payload.status();
    commerce::OrderLineAdded line;
    line.CopyFrom(**payload);
    return line;
  }
  std::string Error(std::string_view json) {
    const auto line = Line(json);
    EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(line.status().message());
  }

  std::shared_ptr<const Schema> schema_ =
      Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
};

TEST_F(JsonTest, NumbersMayBeNumbersOrStrings) {
  const auto line = Line(R"({"order_id": "581482", "quantity": -2,
                             "unit_price_micros": "9007199254740993", "soldAtUs": 5})");
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->order_id(), "581482");
  EXPECT_EQ(line->quantity(), -2);
  EXPECT_EQ(line->unit_price_micros(), 9007199254740993);
  EXPECT_EQ(line->sold_at_us(), 5);
}

TEST_F(JsonTest, ErrorsNameTypeAndField) {
  EXPECT_THAT(Error(R"({"quantty": 2})"), HasSubstr("intentlog.commerce.OrderLineAdded"));
  EXPECT_THAT(Error(R"({"quantty": 2})"), HasSubstr("quantty"));
  EXPECT_THAT(Error(R"({"quantity": "two"})"), HasSubstr("quantity"));
  EXPECT_THAT(Error(R"({"quantity": "two"})"), HasSubstr("two"));
  EXPECT_THAT(Error(R"({"quantity": 1.5})"), HasSubstr("1.5"));
  EXPECT_THAT(Error(R"({"order_id": {}})"), HasSubstr("order_id"));
}

TEST_F(JsonTest, TextThatIsNoJsonIsRefused) {
  for (const std::string_view json : {"", "{", "[]", "7", "null", "{\"order_id\": }", "order_id"}) {
    EXPECT_THAT(Error(json), HasSubstr("OrderLineAdded")) << json;
  }
  EXPECT_THAT(Error("{\"order_id\": \"\xff\"}"), HasSubstr("not UTF-8"));
  EXPECT_THAT(Error(std::string(1'100'000, ' ')), HasSubstr("most allowed"));
}

TEST_F(JsonTest, DeepNestingIsRefusedAndNotFollowed) {
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += "{\"a\":";
  EXPECT_THAT(Error(deep), HasSubstr("OrderLineAdded"));
}

TEST_F(JsonTest, APayloadIsWrittenAsOneLineWithTheNamesOfTheSchema) {
  commerce::OrderLineAdded line;
  line.set_order_id("581482");
  line.set_unit_price_micros(4'250'000);
  EXPECT_EQ(*PayloadToJson(line), R"({"order_id":"581482","unit_price_micros":"4250000"})");
}

TEST_F(JsonTest, WhatIsWrittenIsReadAgain) {
  commerce::OrderLineAdded line;
  line.set_order_id("caf\xc3\xa9 \"x\"\n");
  line.set_quantity(-9223372036854775807 - 1);
  const auto json = PayloadToJson(line);
  ASSERT_TRUE(json.ok());
  const auto again = Line(*json);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), line.SerializeAsString());
}

}  // namespace
}  // namespace intentlog
