#include "eventlog/schema/validator.h"

#include <string>

#include "eventlog/schema/json.h"
#include "eventlog/schema/schema.h"
#include "eventlog/schema/schema_maker.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

class CommerceTest : public testing::Test {
 protected:
  const EventType& Type(std::string_view name) { return *schema_->Find(name); }

  std::shared_ptr<const Schema> schema_ =
      Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
};

TEST_F(CommerceTest, AGoodPayloadHasNoViolation) {
  commerce::OrderLineAdded line;
  line.set_order_id("581482");
  line.set_description(std::string(2000, 'x'));
  line.set_currency("GBP");
  EXPECT_EQ(Type("OrderLineAdded").Validate(line), std::nullopt);
}

TEST_F(CommerceTest, ARequiredFieldMustNotBeEmpty) {
  const auto violation = Type("OrderLineAdded").Validate(commerce::OrderLineAdded());
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::FIELD_REQUIRED);
  EXPECT_EQ(violation->field, "order_id");
  EXPECT_EQ(violation->text, "order_id is required and is not set");
}

TEST_F(CommerceTest, ATooLongTextIsNamedWithItsLimit) {
  commerce::OrderLineAdded line;
  line.set_order_id("1");
  line.set_description(std::string(2001, 'x'));
  line.set_currency("EURO");
  const auto violation = Type("OrderLineAdded").Validate(line);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::FIELD_TOO_LONG);
  EXPECT_EQ(violation->text, "description has 2001 bytes; the most allowed is 2000");
  line.clear_description();
  EXPECT_EQ(Type("OrderLineAdded").Validate(line)->field, "currency");
}

TEST_F(CommerceTest, ANumberBelowItsLeastIsNamedWithBoth) {
  commerce::GoodsReturned goods;
  goods.set_order_id("1");
  goods.set_product_id("2");
  auto violation = Type("GoodsReturned").Validate(goods);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::FIELD_TOO_SMALL);
  EXPECT_EQ(violation->text, "quantity is 0; the least allowed is 1");
  goods.set_quantity(1);
  goods.set_refund_micros(-5);
  EXPECT_EQ(Type("GoodsReturned").Validate(goods)->text,
            "refund_micros is -5; the least allowed is 0");
  goods.set_refund_micros(0);
  EXPECT_EQ(Type("GoodsReturned").Validate(goods), std::nullopt);
}

TEST_F(CommerceTest, BoundsOfAnOptionalFieldHoldOnlyIfItIsSet) {
  commerce::CustomerUpdated customer;
  customer.set_customer_id("12346");
  EXPECT_EQ(Type("CustomerUpdated").Validate(customer), std::nullopt);
  customer.set_credit_limit_micros(-1);
  EXPECT_EQ(Type("CustomerUpdated").Validate(customer)->field, "credit_limit_micros");
}

TEST_F(CommerceTest, APayloadThatDoesNotParseIsMalformed) {
  commerce::OrderOpened order;
  const auto violation = Type("OrderOpened").Read(1, "\x0a\x7f", order);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::MALFORMED);
  EXPECT_EQ(violation->text,
            "the payload of 2 bytes does not parse as intentlog.commerce.OrderOpened");
}

TEST_F(CommerceTest, I33_AMessageInAPayloadIsNoLongerThanThePayload) {
  commerce::StockCounted stock;
  stock.mutable_count()->set_by("ann");
  std::string bytes = stock.SerializeAsString();
  bytes[1] = '\x7f';  // how long the count is
  commerce::StockCounted read;
  const auto violation = Type("StockCounted").Read(2, bytes, read);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::MALFORMED);
  EXPECT_EQ(
      violation->text,
      "a message in the payload of 7 bytes, of intentlog.commerce.StockCounted, is longer than "
      "what is around it");
}

TEST_F(CommerceTest, AViolationBecomesAReasonAndAStatus) {
  const Violation violation = {Reason::FIELD_TOO_LONG, "name", "name has 9 bytes"};
  EXPECT_EQ(ToReason(violation).code(), Reason::FIELD_TOO_LONG);
  EXPECT_EQ(ToReason(violation).field(), "name");
  EXPECT_EQ(ToStatus(violation).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ToStatus(violation).message(), "name has 9 bytes");
}

// One event with every kind of field, given as JSON.
class FormsTest : public testing::Test {
 protected:
  FormsTest() {
    SchemaMaker maker("forms.proto", "forms");
    maker.Enum("Verdict", {"VERDICT_UNSPECIFIED", "PASS", "FAIL"});
    maker.Message("Answer", {{"question", 1, "string", "required: true"},
                             {"passed", 2, "optional bool", "required: true"},
                             {"follow_up", 3, "repeated .forms.Answer", ""}});
    maker.Event("Given", R"(entity: "form" key: "form_id")",
                {{"form_id", 1, "uint64", ""},
                 {"verdict", 2, "enum .forms.Verdict", "required: true"},
                 {"answers", 3, "repeated .forms.Answer", "max_len: 2"},
                 {"readings", 4, "repeated sint32", "min: -40 max: 120"},
                 {"level", 5, "uint64", "max: 10"},
                 {"first", 6, ".forms.Answer", ""},
                 {"weight", 7, "optional double", "required: true"}});
    schema_ = *Schema::FromDescriptorSet(maker.Bytes());
  }

  // The violation's field and text; empty if there is none.
  std::string Check(const std::string& fields) {
    const EventType& type = *schema_->Find("Given");
    const auto payload = PayloadFromJson(type, "{" + fields + "}");
    EXPECT_TRUE(payload.ok()) << payload.status();
    if (!payload.ok()) return "";
    const auto violation = type.Validate(**payload);
    return violation.has_value() ? violation->field + ": " + violation->text : "";
  }
  // With all that is required.
  std::string CheckAlso(const std::string& fields) {
    return Check(R"("form_id": 7, "verdict": "PASS", "weight": 1.5,)" + fields);
  }

  std::shared_ptr<const Schema> schema_;
};

TEST_F(FormsTest, TheKeyIsAlwaysRequired) {
  EXPECT_EQ(Check(""), "form_id: form_id is required and is not set");
}

TEST_F(FormsTest, RequiredMeansNotZero) {
  EXPECT_EQ(Check(R"("form_id": 7)"), "verdict: verdict is required and is not set");
  EXPECT_EQ(Check(R"("form_id": 7, "verdict": "PASS")"),
            "weight: weight is required and is not set");
  EXPECT_EQ(Check(R"("form_id": 7, "verdict": "PASS", "weight": 0)"),
            "weight: weight is required and is not set");
  EXPECT_EQ(CheckAlso(""), "");
}

TEST_F(FormsTest, ARepeatedFieldHasAtMostSoManyElements) {
  const std::string answer = R"({"question": "oil?", "passed": false})";
  EXPECT_EQ(CheckAlso("\"answers\": [" + answer + "," + answer + "]"), "");
  EXPECT_EQ(CheckAlso("\"answers\": [" + answer + "," + answer + "," + answer + "]"),
            "answers: answers has 3 elements; the most allowed is 2");
}

TEST_F(FormsTest, RulesHoldInsideOfMessagesAtAnyDepth) {
  EXPECT_EQ(CheckAlso(R"("first": {"question": "oil?"})"),
            "first.passed: first.passed is required and is not set");
  EXPECT_EQ(CheckAlso(R"("answers": [{"question": "oil?", "passed": true,
                         "follow_up": [{"question": "which?", "passed": true}, {"passed": true}]}])"),
            "answers[0].follow_up[1].question: answers[0].follow_up[1].question is required and is "
            "not set");
}

TEST_F(FormsTest, BoundsHoldForEachElement) {
  EXPECT_EQ(CheckAlso(R"("readings": [-40, 120])"), "");
  EXPECT_EQ(CheckAlso(R"("readings": [0, 121])"),
            "readings[1]: readings[1] is 121; the greatest allowed is 120");
  EXPECT_EQ(CheckAlso(R"("readings": [-41])"),
            "readings[0]: readings[0] is -41; the least allowed is -40");
}

TEST_F(FormsTest, UnsignedNumbersPastTheSignedRangeAreCompared) {
  EXPECT_EQ(CheckAlso(R"("level": "18446744073709551615")"),
            "level: level is 18446744073709551615; the greatest allowed is 10");
}

}  // namespace
}  // namespace intentlog
