#include "eventlog/log/conflict_case.h"

#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

class ConflictCaseTest : public testing::Test {
 protected:
  static Intent Recorded(const google::protobuf::Message& payload, const std::string& entity_type,
                         const std::string& entity_id, uint64_t based_on) {
    Intent intent;
    intent.set_type(payload.GetDescriptor()->full_name());
    intent.set_entity_type(entity_type);
    intent.set_entity_id(entity_id);
    intent.set_scope("shop");
    intent.mutable_based_on()->set_position(based_on);
    intent.set_payload(payload.SerializeAsString());
    return intent;
  }
  static Intent Price(int64_t micros, uint64_t based_on = 0, const std::string& product = "milk") {
    commerce::PriceSet price;
    price.set_product_id(product);
    price.set_price_micros(micros);
    return Recorded(price, "product", product, based_on);
  }
  static int64_t PriceOf(const ConflictSide& side) {
    commerce::PriceSet price;
    EXPECT_TRUE(price.ParseFromString(side.payload));
    return price.price_micros();
  }

  // The next event of the scope, at the next position.
  void Happen(const Intent& intent, Decision decision = ACCEPTED, uint64_t settlement_of = 0) {
    Header header;
    header.set_position(++head_);
    header.set_decision(decision);
    header.set_log_id(std::string(16, 'O'));
    header.set_settlement_of(settlement_of);
    const std::string header_bytes = header.SerializeAsString();
    const std::string intent_bytes = intent.SerializeAsString();
    block_.Add({Position(head_), "shop", true, header_bytes, intent_bytes});
  }
  void Settle(uint64_t of, const Intent& with) {
    Settlement settlement;
    settlement.set_of(of);
    settlement.set_decision(MERGED);
    settlement.set_type(with.type());
    settlement.set_payload(with.payload());
    Intent intent = with;
    intent.set_type("intentlog.Settlement");
    intent.set_payload(settlement.SerializeAsString());
    Happen(intent, MERGED, of);
  }
  void Want(uint64_t position, const Intent& mine, uint64_t theirs) {
    OpenEvent open;
    open.set_position(position);
    open.set_decision(CONFLICTED);
    open.mutable_reason()->set_other_position(theirs);
    open.set_intent(mine.SerializeAsString());
    ASSERT_TRUE(maker_.Want(open).ok());
  }
  std::vector<ConflictCase> Make() {
    const std::string bytes = block_.Finish(ChainValue());
    const auto block = BlockView::Parse(bytes);
    EXPECT_TRUE(block.ok()) << block.status();
    for (int again = 0; again < 2; ++again) EXPECT_TRUE(maker_.See(*block).ok());
    return maker_.Take();
  }

  uint64_t head_ = 0;
  BlockBuilder block_;
  ConflictCaseMaker maker_{Schema::Compiled({commerce::OrderOpened::descriptor()->file()})};
};

TEST_F(ConflictCaseTest, TheirsIsTheEventThatItClashedWithAndBaseWhatBothBeganFrom) {
  Happen(Price(1));
  Happen(Price(50, 0, "bread"));
  Happen(Price(2));
  Happen(Price(3));
  Want(5, Price(4, 2), 4);
  const auto cases = Make();
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_EQ(cases[0].mine.entity_id(), "milk");
  ASSERT_TRUE(cases[0].theirs && cases[0].base);
  EXPECT_EQ(cases[0].theirs->position, Position(4));
  EXPECT_EQ(PriceOf(*cases[0].theirs), 3);
  EXPECT_EQ(cases[0].base->position, Position(1));
  EXPECT_EQ(PriceOf(*cases[0].base), 1);
}

TEST_F(ConflictCaseTest, ASettlementCountsAsWhatItPutInPlaceAndWhatIsOpenAsNothing) {
  Happen(Price(1));
  Happen(Price(7), CONFLICTED);
  Settle(2, Price(8));
  Happen(Price(9), CONFLICTED);
  Settle(4, Price(10));
  Want(6, Price(11, 4), 5);
  const auto cases = Make();
  EXPECT_EQ(PriceOf(*cases[0].base), 8);
  EXPECT_EQ(PriceOf(*cases[0].theirs), 10);
}

TEST_F(ConflictCaseTest, OtherTypesOfTheEntityAreNoBase) {
  commerce::ProductDescribed described;
  described.set_product_id("milk");
  Happen(Recorded(described, "product", "milk", 0));
  Want(2, Price(4, 1), 0);
  const auto cases = Make();
  EXPECT_FALSE(cases[0].base);
  EXPECT_FALSE(cases[0].theirs);
}

TEST_F(ConflictCaseTest, WhereFieldsAreMergedTheBaseIsTheLastValueOfEach) {
  const auto customer = [](const std::string& phone, int64_t limit, uint64_t based_on) {
    commerce::CustomerUpdated update;
    update.set_customer_id("17");
    if (!phone.empty()) update.set_phone(phone);
    if (limit > 0) update.set_credit_limit_micros(limit);
    return Recorded(update, "customer", "17", based_on);
  };
  Happen(customer("1", 100, 0));
  Happen(customer("2", 0, 0));
  Happen(customer("", 300, 0));
  Want(4, customer("", 400, 2), 3);
  const auto cases = Make();
  ASSERT_TRUE(cases[0].base);
  EXPECT_EQ(cases[0].base->position, Position(2));
  commerce::CustomerUpdated base;
  ASSERT_TRUE(base.ParseFromString(cases[0].base->payload));
  EXPECT_EQ(base.phone(), "2");
  EXPECT_EQ(base.credit_limit_micros(), 100);
}

TEST_F(ConflictCaseTest, ManyCasesAreMadeInOnePassInPositionOrder) {
  for (int i = 1; i <= 4; ++i) Happen(Price(i));
  Want(9, Price(90, 1), 2);
  Want(8, Price(80, 3), 4);
  EXPECT_EQ(maker_.through(), Position(4));
  const auto cases = Make();
  ASSERT_EQ(cases.size(), 2u);
  EXPECT_EQ(cases[0].open.position(), 8u);
  EXPECT_EQ(PriceOf(*cases[0].base), 3);
  EXPECT_EQ(PriceOf(*cases[0].theirs), 4);
  EXPECT_EQ(PriceOf(*cases[1].base), 1);
  EXPECT_EQ(PriceOf(*cases[1].theirs), 2);
}

TEST_F(ConflictCaseTest, AnOpenEventThatDoesNotParseIsNamed) {
  OpenEvent open;
  open.set_position(7);
  open.set_intent("\xff");
  const absl::Status status = maker_.Want(open);
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_NE(status.message().find("position 7"), std::string::npos) << status;
  EXPECT_TRUE(maker_.Take().empty());
}

}  // namespace
}  // namespace intentlog
