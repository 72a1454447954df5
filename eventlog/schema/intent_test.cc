#include "eventlog/schema/intent.h"

#include <string>

#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

class IntentTest : public testing::Test {
 protected:
  IntentTest() {
    line_.set_order_id("581482");
    line_.set_quantity(-2);
    envelope_.intent_id = IntentId::FromBytes("0123456789abcdef");
    envelope_.scope = "shop-3";
    envelope_.based_on_epoch = EpochId::FromBytes("ABCDEFGHIJKLMNOP");
    envelope_.based_on_position = Position(77);
    envelope_.device_time_us = 1'700'000'000'000'000;
    envelope_.hlc = 9;
    envelope_.clock_steps = 2;
  }

  const EventType& Type(std::string_view name) { return *schema_->Find(name); }
  Intent Made() { return MakeIntent(Type("OrderLineAdded"), line_, envelope_); }
  // The envelope's field that is refused; empty: none.
  std::string Refused(const Intent& intent) {
    const auto violation = CheckEnvelope(intent);
    if (!violation.has_value()) return "";
    EXPECT_EQ(violation->code, Reason::MALFORMED);
    EXPECT_FALSE(violation->text.empty());
    return violation->field;
  }

  std::shared_ptr<const Schema> schema_ =
      Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
  commerce::OrderLineAdded line_;
  Envelope envelope_;
};

TEST_F(IntentTest, AnIntentSaysWhatItIsAboutAndWhatItsUserHadSeen) {
  const Intent intent = Made();
  EXPECT_EQ(intent.intent_id(), "0123456789abcdef");
  EXPECT_EQ(intent.type(), "intentlog.commerce.OrderLineAdded");
  EXPECT_EQ(intent.entity_type(), "order");
  EXPECT_EQ(intent.entity_id(), "581482");
  EXPECT_EQ(intent.scope(), "shop-3");
  EXPECT_EQ(intent.schema_version(), 1u);
  EXPECT_EQ(intent.based_on().epoch_id(), "ABCDEFGHIJKLMNOP");
  EXPECT_EQ(intent.based_on().position(), 77u);
  EXPECT_EQ(intent.clock_steps(), 2u);
  EXPECT_EQ(intent.payload(), line_.SerializeAsString());
  EXPECT_EQ(Refused(intent), "");
}

TEST_F(IntentTest, AnIntentOfADeviceThatMetNoServerHasNoEpoch) {
  envelope_.based_on_epoch = {};
  envelope_.based_on_position = {};
  EXPECT_EQ(Made().based_on().epoch_id(), "");
  EXPECT_EQ(Refused(Made()), "");
}

TEST_F(IntentTest, FillingAUsedIntentLeavesNothingOfTheOldOne) {
  Intent used = Made();
  envelope_ = {};
  envelope_.intent_id = IntentId::FromBytes("fedcba9876543210");
  envelope_.scope = "s";
  commerce::OrderOpened opened;
  opened.set_order_id("1");
  FillIntent(Type("OrderOpened"), opened, envelope_, used);
  EXPECT_EQ(used.SerializeAsString(),
            MakeIntent(Type("OrderOpened"), opened, envelope_).SerializeAsString());
}

TEST_F(IntentTest, EnvelopesOutsideTheLimitsAreRefusedByField) {
  const auto refused = [&](auto change) {
    Intent intent = Made();
    change(intent);
    return Refused(intent);
  };
  EXPECT_EQ(refused([](Intent& i) { i.set_intent_id("short"); }), "intent_id");
  EXPECT_EQ(refused([](Intent& i) { i.set_intent_id(std::string(16, '\0')); }), "intent_id");
  EXPECT_EQ(refused([](Intent& i) { i.clear_entity_id(); }), "entity_id");
  EXPECT_EQ(refused([](Intent& i) { i.set_entity_id(std::string(512, 'x')); }), "");
  EXPECT_EQ(refused([](Intent& i) { i.set_entity_id(std::string(513, 'x')); }), "entity_id");
  EXPECT_EQ(refused([](Intent& i) { i.set_entity_type("a/b"); }), "entity_type");
  EXPECT_EQ(refused([](Intent& i) { i.set_entity_type(std::string(101, 'x')); }), "entity_type");
  EXPECT_EQ(refused([](Intent& i) { i.clear_scope(); }), "scope");
  EXPECT_EQ(refused([](Intent& i) { i.set_scope(std::string("a\0b", 3)); }), "scope");
  EXPECT_EQ(refused([](Intent& i) { i.clear_type(); }), "type");
  EXPECT_EQ(refused([](Intent& i) { i.set_type(std::string(301, 'x')); }), "type");
  EXPECT_EQ(refused([](Intent& i) { i.set_payload(std::string(500 << 10, 'x')); }), "");
  EXPECT_EQ(refused([](Intent& i) { i.set_payload(std::string((500 << 10) + 1, 'x')); }),
            "payload");
  EXPECT_EQ(refused([](Intent& i) { i.set_batch_size(1); }), "batch_size");
  EXPECT_EQ(refused([](Intent& i) { i.set_batch_size(2); }), "");
  EXPECT_EQ(refused([](Intent& i) { i.set_batch_size(2048); }), "");
  EXPECT_EQ(refused([](Intent& i) { i.set_batch_size(2049); }), "batch_size");
  EXPECT_EQ(refused([](Intent& i) { i.mutable_based_on()->set_epoch_id("x"); }), "based_on");
  EXPECT_EQ(refused([](Intent& i) { i.mutable_based_on()->clear_epoch_id(); }), "based_on");
  EXPECT_EQ(refused([](Intent& i) { i.clear_based_on(); }), "");
}

TEST_F(IntentTest, TheLongestEnvelopeAndPayloadFitIntoABatch) {
  Intent intent = Made();
  intent.set_type(std::string(kTypeNameSizeMax, 't'));
  intent.set_entity_type(std::string(kEntityTypeSizeMax, 't'));
  intent.set_entity_id(std::string(kEntityIdSizeMax, 'i'));
  intent.set_scope(std::string(kScopeSizeMax, 's'));
  intent.set_payload(std::string(kPayloadSizeMax, 'p'));
  EXPECT_EQ(Refused(intent), "");
  EXPECT_LT(intent.ByteSizeLong(), kBatchSizeMax);
}

TEST_F(IntentTest, ThePayloadMustBeAboutTheEnvelopesEntity) {
  const EventType& type = Type("OrderLineAdded");
  commerce::OrderLineAdded payload;
  EXPECT_EQ(CheckPayload(type, Made(), payload), std::nullopt);
  EXPECT_EQ(payload.quantity(), -2);

  Intent other_id = Made();
  other_id.set_entity_id("581483");
  auto violation = CheckPayload(type, other_id, payload);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::ENTITY_MISMATCH);
  EXPECT_EQ(violation->field, "order_id");
  EXPECT_EQ(violation->text, "order_id is 581482, and the envelope says 581483");

  Intent other_type = Made();
  other_type.set_entity_type("product");
  violation = CheckPayload(type, other_type, payload);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::ENTITY_MISMATCH);
}

TEST_F(IntentTest, APayloadThatBreaksARuleIsRefusedByItsField) {
  line_.set_currency("EURO");
  commerce::OrderLineAdded payload;
  const auto violation = CheckPayload(Type("OrderLineAdded"), Made(), payload);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->field, "currency");
}

}  // namespace
}  // namespace intentlog
