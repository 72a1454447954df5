#include "eventlog/log/event.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using commerce::CustomerUpdated;
using commerce::OrderLineAdded;
using commerce::StockCounted;
using ::testing::HasSubstr;

class EventDecoderTest : public ::testing::Test {
 protected:
  EventDecoderTest() : decoder_(Schema::Compiled({OrderLineAdded::descriptor()->file()})) {
    header_.set_position(7);
    header_.set_decision(ACCEPTED);
    customer_.set_customer_id("c-1");
    customer_.set_name("Ann");
    customer_.set_phone("123");
    Carry(customer_);
  }

  void Carry(const google::protobuf::Message& payload) {
    intent_.set_type(payload.GetDescriptor()->full_name());
    intent_.set_payload(payload.SerializeAsString());
    intent_.set_scope("north");
  }
  absl::StatusOr<const Event*> Decode() {
    header_bytes_ = header_.SerializeAsString();
    intent_bytes_ = intent_.SerializeAsString();
    return decoder_.Decode({Position(7), "north", true, header_bytes_, intent_bytes_});
  }
  const Event& Decoded() {
    const auto event = Decode();
    EXPECT_TRUE(event.ok()) << event.status();
    return **event;
  }
  std::string Error() { return Decode().status().ToString(); }

  EventDecoder decoder_;
  Header header_;
  Intent intent_;
  CustomerUpdated customer_;
  std::string header_bytes_, intent_bytes_;
};

TEST_F(EventDecoderTest, AnAcceptedEventHasItsTypeAndPayload) {
  const Event& event = Decoded();
  EXPECT_EQ(event.position, Position(7));
  EXPECT_EQ(event.scope, "north");
  EXPECT_TRUE(event.effective);
  ASSERT_NE(event.As<CustomerUpdated>(), nullptr);
  EXPECT_EQ(event.As<CustomerUpdated>()->name(), "Ann");
  EXPECT_EQ(event.As<OrderLineAdded>(), nullptr);
  EXPECT_EQ(event.type->entity_type(), "customer");
}

TEST_F(EventDecoderTest, WhatIsNotEffectiveHasNoPayload) {
  for (const Decision decision : {REJECTED, DUPLICATE, CONFLICTED, PARKED}) {
    header_.set_decision(decision);
    const Event& event = Decoded();
    EXPECT_FALSE(event.effective);
    EXPECT_EQ(event.type, nullptr);
    EXPECT_EQ(event.As<CustomerUpdated>(), nullptr);
    EXPECT_EQ(event.intent().scope(), "north");  // it is on record all the same
  }
}

TEST_F(EventDecoderTest, FieldsThatLostAreCleared) {
  header_.set_decision(MERGED);
  header_.add_without(2);
  header_.add_without(99);  // of a schema that this program does not know
  const Event& event = Decoded();
  EXPECT_FALSE(event.As<CustomerUpdated>()->has_name());
  EXPECT_EQ(event.As<CustomerUpdated>()->phone(), "123");
  header_.clear_without();
  EXPECT_TRUE(Decoded().As<CustomerUpdated>()->has_name());  // the next one is whole
}

TEST_F(EventDecoderTest, AnEventThatLostEveryFieldFoldsNothing) {
  header_.set_decision(MERGED);
  header_.set_without_all(true);
  EXPECT_TRUE(Decoded().effective);
  EXPECT_EQ(Decoded().As<CustomerUpdated>(), nullptr);
}

TEST_F(EventDecoderTest, AnUnknownTypeIsNoError) {
  for (const std::string type : {"shop.Nothing", "intentlog.Intent", ""}) {
    intent_.set_type(type);
    EXPECT_TRUE(Decoded().effective);
    EXPECT_EQ(Decoded().type, nullptr);
  }
}

TEST_F(EventDecoderTest, ASettlementFoldsAsWhatItSettles) {
  Settlement settlement;
  settlement.set_of(3);
  settlement.set_decision(MERGED);
  settlement.set_type("intentlog.commerce.CustomerUpdated");
  settlement.set_payload(customer_.SerializeAsString());
  settlement.add_without(3);
  Carry(settlement);
  header_.set_settlement_of(3);
  const Event& event = Decoded();
  EXPECT_TRUE(event.effective);
  ASSERT_NE(event.As<CustomerUpdated>(), nullptr);
  EXPECT_EQ(event.As<CustomerUpdated>()->name(), "Ann");
  EXPECT_FALSE(event.As<CustomerUpdated>()->has_phone());
  ASSERT_NE(event.settlement, nullptr);
  EXPECT_EQ(event.settlement->of(), 3u);

  settlement.set_decision(REJECTED);
  Carry(settlement);
  EXPECT_FALSE(Decoded().effective);
  EXPECT_EQ(Decoded().type, nullptr);
  ASSERT_NE(Decoded().settlement, nullptr);

  header_.clear_settlement_of();
  EXPECT_EQ(Decoded().settlement, nullptr);
}

TEST_F(EventDecoderTest, WhatTurnedFoldsNothing) {
  Settlement settlement;
  settlement.set_of(3);
  settlement.set_decision(CONFLICTED);
  settlement.set_turned(true);
  settlement.set_type("intentlog.commerce.CustomerUpdated");
  settlement.set_payload(customer_.SerializeAsString());
  Carry(settlement);
  header_.set_settlement_of(3);
  header_.set_decision(CONFLICTED);
  EXPECT_FALSE((*Decode())->effective);
  settlement.set_decision(MERGED);  // which none is that turned
  Carry(settlement);
  EXPECT_FALSE((*Decode())->effective);
}

TEST_F(EventDecoderTest, OnlyTheServersHeaderMakesASettlement) {
  Settlement settlement;
  settlement.set_decision(ACCEPTED);
  settlement.set_type("intentlog.commerce.CustomerUpdated");
  settlement.set_payload(customer_.SerializeAsString());
  Carry(settlement);
  EXPECT_EQ(Decoded().type, nullptr);  // a device's intent that looks like one
}

// ---- versions of a type

// What is read in place says the same as what is parsed, whatever the bytes are.
TEST_F(EventDecoderTest, AFieldOfAnotherWireTypeIsNoField) {
  const std::string decision_as_bytes("\x32\x01x", 3);
  const std::string settlement_of_as_bytes("\x4a\x01x", 3);
  header_bytes_ = header_.SerializeAsString();
  for (const std::string& more : {decision_as_bytes, settlement_of_as_bytes}) {
    const std::string bytes = header_bytes_ + more;
    intent_bytes_ = intent_.SerializeAsString();
    const auto event = decoder_.Decode({Position(7), "north", true, bytes, intent_bytes_});
    ASSERT_TRUE(event.ok()) << event.status();
    EXPECT_TRUE((*event)->effective);
    EXPECT_EQ((*event)->settlement, nullptr);
    EXPECT_EQ((*event)->header().decision(), ACCEPTED);
    EXPECT_EQ((*event)->header().settlement_of(), 0u);
  }
}

TEST_F(EventDecoderTest, AnUnparkSaysWhatItIsAbout) {
  Unpark unpark;
  unpark.set_view("stock");
  Carry(unpark);
  const Event& event = Decoded();
  ASSERT_NE(event.unpark, nullptr);
  EXPECT_EQ(event.unpark->view(), "stock");
  intent_.set_payload("\xff");
  EXPECT_THAT(Error(), HasSubstr("the payload of the event at position 7 does not parse"));
}

TEST_F(EventDecoderTest, APayloadOfAFormerVersionHasTodaysForm) {
  commerce::StockCountedV1 old;
  old.set_product_id("milk");
  old.set_on_hand(5);
  old.set_counted_at_us(99);
  Carry(old);
  intent_.set_type("intentlog.commerce.StockCounted");
  for (const uint32_t version : {0u, 1u}) {  // 0 counts as 1
    intent_.set_schema_version(version);
    const auto* counted = Decoded().As<StockCounted>();
    ASSERT_NE(counted, nullptr);
    EXPECT_EQ(counted->ShortDebugString(), R"(product_id: "milk" on_hand: 5 count { at_us: 99 })");
    EXPECT_EQ(Decoded().intent().payload(), old.SerializeAsString());
  }
  const auto pending = decoder_.DecodePending(intent_bytes_);
  ASSERT_TRUE(pending.ok()) << pending.status();
  EXPECT_EQ((*pending)->As<StockCounted>()->count().at_us(), 99);
}

TEST_F(EventDecoderTest, ASettlementSaysTheVersionOfWhatTakesEffect) {
  commerce::StockCountedV1 old;
  old.set_product_id("milk");
  old.set_counted_at_us(99);
  Settlement settlement;
  settlement.set_of(3);
  settlement.set_decision(MERGED);
  settlement.set_type("intentlog.commerce.StockCounted");
  settlement.set_schema_version(1);
  settlement.set_payload(old.SerializeAsString());
  header_.set_settlement_of(3);
  header_.set_decision(MERGED);
  Carry(settlement);
  EXPECT_EQ(Decoded().As<StockCounted>()->count().at_us(), 99);

  settlement.add_without(3);  // of version 1
  Carry(settlement);
  EXPECT_FALSE(Decoded().As<StockCounted>()->has_count());
  settlement.clear_without();
  settlement.add_without(4);
  settlement.set_without_version(2);
  Carry(settlement);
  EXPECT_FALSE(Decoded().As<StockCounted>()->has_count());
}

TEST_F(EventDecoderTest, AVersionThatIsNewerThanKnownIsNotGuessed) {
  StockCounted counted;
  counted.set_product_id("milk");
  Carry(counted);
  intent_.set_schema_version(3);
  const Event& event = Decoded();
  EXPECT_TRUE(event.effective);
  EXPECT_EQ(event.type, nullptr);
  EXPECT_EQ(event.As<StockCounted>(), nullptr);
  // What lost may be newer than the intent: the server knew more.
  intent_.set_schema_version(2);
  EXPECT_NE(Decoded().As<StockCounted>(), nullptr);
  header_.add_without(7);
  header_.set_without_version(3);
  EXPECT_EQ(Decoded().As<StockCounted>(), nullptr);
}

TEST_F(EventDecoderTest, AnUpcasterThatFailsIsNamedByPositionTypeAndVersion) {
  Carry(customer_);
  intent_.set_type("intentlog.commerce.StockCounted");
  intent_.set_schema_version(1);
  intent_.set_payload("\xff");
  EXPECT_EQ(Decode().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Error(), HasSubstr("the event at position 7: intentlog.commerce.StockCounted of "
                                 "version 1 does not become version 2"));
}

TEST_F(EventDecoderTest, TypesMayAlternate) {
  OrderLineAdded line;
  line.set_order_id("o-1");
  for (int i = 0; i < 3; ++i) {
    Carry(line);
    EXPECT_EQ(Decoded().As<OrderLineAdded>()->order_id(), "o-1");
    Carry(customer_);
    EXPECT_EQ(Decoded().As<CustomerUpdated>()->customer_id(), "c-1");
  }
}

TEST_F(EventDecoderTest, APendingIntentIsDecodedAsIfAccepted) {
  const std::string bytes = intent_.SerializeAsString();
  const auto event = decoder_.DecodePending(bytes);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ((*event)->position, Position());
  EXPECT_TRUE((*event)->effective);
  EXPECT_EQ((*event)->scope, "north");
  EXPECT_EQ((*event)->As<CustomerUpdated>()->name(), "Ann");
  EXPECT_EQ(decoder_.DecodePending("\xff").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EventDecoderTest, I5_WhatDoesNotParseIsNamedByPositionAndPart) {
  intent_.set_payload("\xff");
  EXPECT_THAT(Error(), HasSubstr("the payload of the event at position 7 does not parse"));
  header_.set_settlement_of(3);
  EXPECT_THAT(Error(), HasSubstr("the settlement of the event at position 7"));
  header_.set_position(8);
  EXPECT_THAT(Error(), HasSubstr("position 7 has the header of position 8"));
  EXPECT_THAT(decoder_.Decode({Position(7), "", true, "\xff", ""}).status().ToString(),
              HasSubstr("the header of the event at position 7"));
  EXPECT_THAT(decoder_.Decode({Position(7), "", true, "", "\xff"}).status().ToString(),
              HasSubstr("the intent of the event at position 7"));
}

}  // namespace
}  // namespace intentlog
