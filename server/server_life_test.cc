// Life after the first decision: how people close what is open, and what follows.
#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

int64_t PriceIn(const Settlement& settlement) {
  commerce::PriceSet price;
  EXPECT_TRUE(price.ParseFromString(settlement.payload()));
  return price.price_micros();
}

class ServerLifeTest : public testing::Test {
 protected:
  ServerLifeTest() { world_.Connect({&till_, &office_}); }
  ~ServerLifeTest() override {
    EXPECT_THAT(world_.Problems(), IsEmpty());
    for (ScriptedDevice* const device : {&till_, &office_, &other_}) device->Disconnect();
  }

  // The office sets a price; the till, which did not see it, sets another. Position of that.
  uint64_t Conflict(const std::string& product = "milk", ScriptedDevice* device = nullptr) {
    world_.Do(office_, Priced(product, 900), "product", product);
    const auto receipt = world_.DoBlindly(device == nullptr ? till_ : *device, Priced(product, 800),
                                          "product", product);
    EXPECT_EQ(receipt.decision, CONFLICTED);
    return receipt.position;
  }
  // The till goes on with the product: parked. Position of that.
  uint64_t Follow(int64_t price, const std::string& product = "milk") {
    const auto receipt = world_.DoBlindly(till_, Priced(product, price), "product", product);
    EXPECT_EQ(receipt.decision, PARKED) << receipt.reason.text();
    return receipt.position;
  }
  uint64_t Rejected(const std::string& product = "milk") {
    const auto receipt = world_.Do(till_, Priced(product, -5), "product", product);
    EXPECT_EQ(receipt.decision, REJECTED);
    return receipt.position;
  }
  LifeWorld::Receipt Milk(ScriptedDevice& device, const google::protobuf::Message& control) {
    return world_.Do(device, control, "product", "milk");
  }
  void ExpectRefused(const LifeWorld::Receipt& receipt, Reason::Code code,
                     const std::string& text) {
    EXPECT_EQ(receipt.decision, REJECTED);
    EXPECT_EQ(receipt.reason.code(), code) << receipt.reason.text();
    EXPECT_THAT(receipt.reason.text(), HasSubstr(text));
  }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shop"}};
  ScriptedDevice office_{"office", {"shop"}};
  ScriptedDevice other_{"other", {"shop"}};
};

TEST_F(ServerLifeTest, WhatIsAppliedTakesEffectAndWhatWaitedFollowsInOrder) {
  const uint64_t open = Conflict();
  const uint64_t second = Follow(700);
  const uint64_t third = Follow(600);
  EXPECT_THAT(world_.Open(), ElementsAre(open, second, third));
  const auto receipt = Milk(office_, MakeResolve(open, Resolve::APPLY));
  EXPECT_EQ(receipt.decision, ACCEPTED) << receipt.reason.text();
  EXPECT_THAT(world_.SettledInOrder(), ElementsAre(open, second, third));
  const Settlement settlement = *world_.SettlementOf(open);
  EXPECT_EQ(settlement.decision(), ACCEPTED);
  EXPECT_EQ(PriceIn(settlement), 800);
  EXPECT_EQ(settlement.resolver(), "office");
  EXPECT_EQ(settlement.verdict(), Resolve::APPLY);
  EXPECT_EQ(settlement.open_decision(), CONFLICTED);
  EXPECT_EQ(settlement.open_reason().code(), Reason::CONCURRENT_CHANGE);
  EXPECT_EQ(settlement.resolved_by().size(), 16u);
  EXPECT_EQ(settlement.open_log_id(), till_.log().bytes());
  EXPECT_EQ(settlement.open_count(), 1u);
  const Settlement follower = *world_.SettlementOf(third);
  EXPECT_EQ(follower.decision(), ACCEPTED);
  EXPECT_EQ(PriceIn(follower), 600);
  EXPECT_TRUE(follower.resolver().empty());
  EXPECT_TRUE(follower.resolved_by().empty());
  EXPECT_THAT(world_.Open(), IsEmpty());
  // All of it is in the feed, and the lane is open again.
  EXPECT_TRUE(till_.seen().contains(receipt.position + 3));
  EXPECT_EQ(Milk(till_, Priced("milk", 500)).decision, ACCEPTED);
  EXPECT_EQ(world_.Events().back().header.version(), 5u);
}

TEST_F(ServerLifeTest, WhatIsDroppedChangesNothingAndWhatWaitedIsAdmittedAgain) {
  const uint64_t open = Conflict();
  const uint64_t second = Follow(700);
  EXPECT_EQ(Milk(office_, MakeResolve(open, Resolve::DROP)).decision, ACCEPTED);
  EXPECT_EQ(world_.SettlementOf(open)->decision(), REJECTED);
  EXPECT_EQ(world_.SettlementOf(open)->reason().code(), Reason::DROPPED);
  EXPECT_EQ(world_.SettlementOf(second)->decision(), ACCEPTED);
}

// As one does that has no feed of the scope.
TEST_F(ServerLifeTest, I16_WhoAsksHearsHowItsOwnEndedAndOfNothingElse) {
  const uint64_t closed = Conflict();
  const uint64_t followed = Follow(700);
  const uint64_t open = Conflict("bread");
  EXPECT_EQ(Milk(office_, MakeResolve(closed, Resolve::DROP)).decision, ACCEPTED);
  const auto ask = [&](ScriptedDevice& device, Decision decision) {
    device.others().clear();
    DeviceFrame frame;
    for (const uint64_t position : {closed, followed, open, open - 1, uint64_t{999}}) {
      Inquiry::Open& one = *frame.mutable_inquiry()->add_open();
      one.set_position(position);
      one.set_decision(decision);
    }
    device.SendBytes(frame.SerializeAsString());
    world_.Run();
    return device.others().empty() ? Ends() : device.others().back().ends();
  };
  const Ends ends = ask(till_, CONFLICTED);
  ASSERT_EQ(ends.ends_size(), 2);
  EXPECT_EQ(ends.ends(0).of(), closed);
  EXPECT_EQ(ends.ends(0).decision(), REJECTED);
  EXPECT_EQ(ends.ends(0).reason().code(), Reason::DROPPED);
  EXPECT_TRUE(ends.ends(0).resolved());
  EXPECT_EQ(ends.ends(1).of(), followed);
  EXPECT_EQ(ends.ends(1).decision(), ACCEPTED);
  EXPECT_FALSE(ends.ends(1).resolved());
  const Ends turned = ask(till_, PARKED);
  ASSERT_EQ(turned.ends_size(), 3);
  EXPECT_EQ(turned.ends(2).of(), open);
  EXPECT_EQ(turned.ends(2).settlement(), 0u);
  EXPECT_EQ(turned.ends(2).decision(), CONFLICTED);
  EXPECT_EQ(ask(office_, PARKED).ends_size(), 0);
}

TEST_F(ServerLifeTest, WhoAsksAboutMoreThanTheWelcomeAllowsIsToldSo) {
  const uint32_t most = till_.welcome().limits().max_asked();
  EXPECT_EQ(most, 256u);
  DeviceFrame frame;
  for (uint64_t position = 1; position <= most + 1; ++position) {
    frame.mutable_inquiry()->add_open()->set_position(position);
  }
  till_.SendBytes(frame.SerializeAsString());
  world_.Run();
  ASSERT_TRUE(till_.goodbye().has_value());
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::BAD_FRAME);
  EXPECT_EQ(till_.goodbye()->text(), "an Inquiry about 257 open events; at most 256 are allowed");
}

TEST_F(ServerLifeTest, WhatIsDroppedWithItsFollowersTakesThemAllAndNoneThatCameLater) {
  const uint64_t open = Conflict();
  const uint64_t second = Follow(700);
  const uint64_t third = Follow(600);
  EXPECT_EQ(Milk(office_, MakeResolve(open, Resolve::DROP, true)).decision, ACCEPTED);
  for (const uint64_t position : {open, second, third}) {
    EXPECT_EQ(world_.SettlementOf(position)->decision(), REJECTED);
    EXPECT_EQ(world_.SettlementOf(position)->resolver(), "office");
    EXPECT_FALSE(world_.SettlementOf(position)->turned());
  }
  EXPECT_EQ(Milk(till_, Priced("milk", 500)).decision, ACCEPTED);
}

TEST_F(ServerLifeTest, AReplacementTakesEffectInItsPlace) {
  const uint64_t open = Conflict();
  EXPECT_EQ(Milk(office_, MakeReplace(open, Priced("milk", 850))).decision, ACCEPTED);
  EXPECT_EQ(PriceIn(*world_.SettlementOf(open)), 850);
}

TEST_F(ServerLifeTest, AReplacementIsValidatedAsAnyIntent) {
  const uint64_t open = Conflict();
  ExpectRefused(Milk(office_, MakeReplace(open, Priced("milk", -1))), Reason::FIELD_TOO_SMALL, "");
  ExpectRefused(Milk(office_, MakeReplace(open, Priced("tea", 1))), Reason::ENTITY_MISMATCH, "tea");
  ExpectRefused(Milk(office_, MakeReplace(open, Moved("milk", 1))), Reason::WRONG_TYPE, "stock");
  Resolve unknown = MakeReplace(open, Priced("milk", 1));
  unknown.set_replacement_type("intentlog.commerce.PriceGuessed");
  ExpectRefused(Milk(office_, unknown), Reason::UNKNOWN_TYPE, "PriceGuessed");
  Resolve garbage = MakeReplace(open, Priced("milk", 1));
  garbage.set_replacement("\xff\xff");
  ExpectRefused(Milk(office_, garbage), Reason::MALFORMED, "PriceSet");
  EXPECT_THAT(world_.Open(), ElementsAre(open));
}

TEST_F(ServerLifeTest, OfTwoWhoResolveAtOnceTheFirstWinsAndTheSecondIsTold) {
  const uint64_t open = Conflict();
  world_.Connect({&other_});
  office_.Record(MakeResolve(open, Resolve::APPLY), "product", "milk");
  const uint64_t count = other_.Record(MakeResolve(open, Resolve::DROP), "product", "milk");
  world_.Push(office_);
  world_.Push(other_);
  world_.Run();
  const auto receipt = other_.receipts().at(count);
  ExpectRefused(receipt, Reason::NOT_OPEN, "by office");
  EXPECT_EQ(world_.Events()[receipt.reason.other_position() - 1].header.settlement_of(), open);
  EXPECT_EQ(world_.SettlementsOf(open).size(), 1u);
}

TEST_F(ServerLifeTest, AResolutionThatDidNotSeeTheNewestClashIsStale) {
  const uint64_t open = Conflict();
  world_.Connect({&other_});
  const HistoryPoint seen = other_.Seen("shop");
  const auto newest = Milk(office_, Priced("milk", 950));
  for (const auto verdict : {Resolve::APPLY, Resolve::DROP}) {
    other_.Record(MakeResolve(open, verdict), "product", "milk");
    other_.SetBasedOn(seen);
    world_.Push(other_);
    world_.Run();
    const auto receipt = other_.receipts().at(other_.last());
    ExpectRefused(receipt, Reason::STALE, "came after what was seen");
    EXPECT_EQ(receipt.reason.other_position(), newest.position);
  }
  EXPECT_EQ(Milk(other_, MakeResolve(open, Resolve::APPLY)).decision, ACCEPTED);
}

TEST_F(ServerLifeTest, WhatIsNotOpenIsRefusedWithWhatIsSo) {
  const uint64_t open = Conflict();
  const uint64_t second = Follow(700);
  const uint64_t rejected = Rejected("tea");
  ExpectRefused(Milk(office_, MakeResolve(1, Resolve::APPLY)), Reason::NOT_OPEN, "never open");
  ExpectRefused(Milk(office_, MakeResolve(1000, Resolve::APPLY)), Reason::NOT_OPEN, "never open");
  ExpectRefused(Milk(office_, MakeResolve(second, Resolve::APPLY)), Reason::NOT_OPEN,
                Cat("waits behind position ", open));
  ExpectRefused(world_.Do(office_, MakeResolve(rejected, Resolve::APPLY), "product", "tea"),
                Reason::NOT_OPEN, "amend or dismiss");
  ExpectRefused(Milk(till_, MakeAmend(open, Priced("milk", 1))), Reason::NOT_OPEN, "resolve it");
  ExpectRefused(Milk(till_, MakeDismiss(open)), Reason::NOT_OPEN, "resolve it");
}

TEST_F(ServerLifeTest, WhatContradictsItselfIsRefused) {
  const uint64_t open = Conflict();
  ExpectRefused(world_.Do(office_, MakeResolve(open, Resolve::APPLY), "product", "tea"),
                Reason::ENTITY_MISMATCH, "product/milk");
  office_.Record(MakeResolve(open, Resolve::APPLY), "product", "milk", "elsewhere");
  world_.Push(office_);
  world_.Run();
  ExpectRefused(office_.receipts().at(office_.last()), Reason::SCOPE_MISMATCH, "shop");
  ExpectRefused(Milk(office_, MakeResolve(0, Resolve::APPLY)), Reason::MALFORMED, "no position");
  ExpectRefused(Milk(office_, MakeResolve(open, Resolve::VERDICT_UNSPECIFIED)), Reason::MALFORMED,
                "verdict");
  office_.Record(MakeResolve(open, Resolve::APPLY), "product", "milk");
  HistoryPoint ahead = office_.Seen("shop");
  ahead.set_position(10000);
  office_.SetBasedOn(ahead);
  world_.Push(office_);
  world_.Run();
  ExpectRefused(office_.receipts().at(office_.last()), Reason::BASE_AHEAD, "10000");
  EXPECT_THAT(world_.Open(), ElementsAre(open));
}

TEST_F(ServerLifeTest, WhatOnlyTheServerWritesAndWhatGoesAloneIsRefusedAsMalformed) {
  const uint64_t open = Conflict();
  ExpectRefused(Milk(office_, Settlement()), Reason::MALFORMED, "only the server");
  const uint64_t first = office_.Record(MakeResolve(open, Resolve::APPLY), "product", "tea");
  office_.Record(Moved("milk", 1), "stock", "milk");
  office_.SetBatchSize(first, 2);
  world_.Push(office_);
  world_.Run();
  ExpectRefused(office_.receipts().at(first), Reason::MALFORMED, "by itself");
  EXPECT_EQ(office_.receipts().at(first + 1).decision, REJECTED);
  // It left nothing open itself, but its companion did.
  EXPECT_EQ(world_.Open().size(), 3u);
}

TEST_F(ServerLifeTest, AnAmendedIntentTakesEffectAndWhatWaitedFollows) {
  const uint64_t rejected = Rejected();
  const uint64_t second = Follow(700);
  ExpectRefused(Milk(office_, MakeAmend(rejected, Priced("milk", 5))), Reason::NOT_YOURS, "till");
  ExpectRefused(Milk(office_, MakeDismiss(rejected)), Reason::NOT_YOURS, "till");
  ExpectRefused(Milk(till_, MakeAmend(rejected, Priced("milk", -6))), Reason::FIELD_TOO_SMALL, "");
  EXPECT_THAT(world_.Open(), ElementsAre(rejected, second));
  EXPECT_EQ(Milk(till_, MakeAmend(rejected, Priced("milk", 5))).decision, ACCEPTED);
  EXPECT_EQ(world_.SettlementOf(rejected)->decision(), ACCEPTED);
  EXPECT_EQ(PriceIn(*world_.SettlementOf(rejected)), 5);
  EXPECT_THAT(world_.SettledInOrder(), ElementsAre(rejected, second));
}

TEST_F(ServerLifeTest, AnAmendedIntentThatClashesTurnsAndIsThenResolved) {
  const uint64_t rejected = Rejected();
  const HistoryPoint seen = till_.Seen("shop");
  Milk(office_, Priced("milk", 900));
  till_.Record(MakeAmend(rejected, Priced("milk", 5)), "product", "milk");
  till_.SetBasedOn(seen);
  world_.Push(till_);
  world_.Run();
  EXPECT_EQ(till_.receipts().at(till_.last()).decision, ACCEPTED);
  EXPECT_TRUE(world_.SettlementOf(rejected)->turned());
  EXPECT_EQ(world_.SettlementOf(rejected)->decision(), CONFLICTED);
  EXPECT_THAT(world_.Open(), ElementsAre(rejected));
  EXPECT_EQ(Milk(office_, MakeResolve(rejected, Resolve::APPLY)).decision, ACCEPTED);
  EXPECT_EQ(PriceIn(*world_.SettlementOf(rejected)), 5);
  EXPECT_EQ(world_.SettlementOf(rejected)->open_decision(), CONFLICTED);
}

TEST_F(ServerLifeTest, WhatIsDismissedIsClosedAndMayTakeItsFollowers) {
  const uint64_t rejected = Rejected();
  const uint64_t second = Follow(700);
  EXPECT_EQ(Milk(till_, MakeDismiss(rejected, true)).decision, ACCEPTED);
  EXPECT_EQ(world_.SettlementOf(second)->reason().code(), Reason::DROPPED);
  const uint64_t again = Rejected();
  const uint64_t follower = Follow(600);
  EXPECT_EQ(Milk(till_, MakeDismiss(again)).decision, ACCEPTED);
  EXPECT_EQ(world_.SettlementOf(follower)->decision(), ACCEPTED);
  ExpectRefused(Milk(till_, MakeDismiss(again)), Reason::NOT_OPEN, "settled already by till");
}

TEST_F(ServerLifeTest, AFollowerThatClashesTurnsAndStopsTheLaneInItsTurn) {
  // A cancellation waits behind a line without a product; a line that it did not see comes before
  // it is admitted again.
  world_.Connect({&other_});
  commerce::OrderCancelled cancelled;
  cancelled.set_order_id("7");
  commerce::GoodsReturned returned;  // names no product
  returned.set_order_id("7");
  const auto rejected = world_.Do(till_, returned, "order", "7");
  EXPECT_EQ(rejected.decision, REJECTED);
  const HistoryPoint seen = till_.Seen("shop");
  const auto second = world_.Do(till_, cancelled, "order", "7");
  const auto third = world_.Do(till_, cancelled, "order", "7");
  commerce::OrderLineAdded line;
  line.set_order_id("7");
  EXPECT_EQ(world_.Do(office_, line, "order", "7").decision, ACCEPTED);
  till_.Record(MakeDismiss(rejected.position), "order", "7");
  till_.SetBasedOn(seen);
  world_.Push(till_);
  world_.Run();
  EXPECT_EQ(till_.receipts().at(till_.last()).decision, ACCEPTED);
  EXPECT_THAT(world_.SettledInOrder(), ElementsAre(rejected.position, second.position));
  EXPECT_TRUE(world_.SettlementOf(second.position)->turned());
  EXPECT_EQ(world_.SettlementOf(second.position)->decision(), CONFLICTED);
  EXPECT_THAT(world_.Open(), ElementsAre(second.position, third.position));
  ExpectRefused(world_.Do(office_, MakeResolve(third.position, Resolve::APPLY), "order", "7"),
                Reason::NOT_OPEN, Cat("waits behind position ", second.position));
  EXPECT_EQ(world_.Do(office_, MakeResolve(second.position, Resolve::APPLY), "order", "7").decision,
            ACCEPTED);
  EXPECT_THAT(world_.Open(), IsEmpty());
}

TEST_F(ServerLifeTest, ARejectedOneInAStoppedLaneStopsItWhenItsTurnComes) {
  const uint64_t open = Conflict();
  const uint64_t second = Follow(700);
  const uint64_t rejected = Rejected();
  const uint64_t last = Follow(600);
  ExpectRefused(Milk(till_, MakeAmend(rejected, Priced("milk", 5))), Reason::NOT_OPEN,
                Cat("waits behind position ", open));
  EXPECT_EQ(Milk(office_, MakeResolve(open, Resolve::APPLY)).decision, ACCEPTED);
  EXPECT_THAT(world_.SettledInOrder(), ElementsAre(open, second));
  EXPECT_THAT(world_.Open(), ElementsAre(rejected, last));
  EXPECT_EQ(Milk(till_, MakeAmend(rejected, Priced("milk", 5))).decision, ACCEPTED);
  EXPECT_THAT(world_.SettledInOrder(), ElementsAre(open, second, rejected, last));
}

TEST_F(ServerLifeTest, ABatchIsClosedAsOneWhicheverMemberIsNamed) {
  world_.Do(office_, Priced("milk", 900), "product", "milk");
  const uint64_t first = till_.Record(Moved("tea", -1), "stock", "tea");
  till_.Record(Priced("milk", 800), "product", "milk");
  till_.SetBasedOn(HistoryPoint());
  till_.Record(Moved("tea", -2), "stock", "tea");
  till_.SetBatchSize(first, 3);
  till_.Record(Moved("tea", -3), "stock", "tea");
  world_.Push(till_);
  world_.Run();
  const uint64_t at = till_.receipts().at(first).position;
  EXPECT_THAT(world_.Open(), ElementsAre(at, at + 1, at + 2, at + 3));
  EXPECT_EQ(till_.receipts().at(first + 3).decision, PARKED);
  const auto receipt = world_.Do(office_, MakeResolve(at + 2, Resolve::APPLY), "stock", "tea");
  EXPECT_EQ(receipt.decision, ACCEPTED) << receipt.reason.text();
  EXPECT_THAT(world_.SettledInOrder(), ElementsAre(at, at + 1, at + 2, at + 3));
  const std::vector<LifeWorld::Stored> events = world_.Events();
  EXPECT_EQ(events[receipt.position].intent.batch_size(), 3u);
  EXPECT_EQ(events[receipt.position + 3].intent.batch_size(), 0u);
  EXPECT_THAT(world_.Open(), IsEmpty());
}

TEST_F(ServerLifeTest, ABatchThatIsReplacedKeepsItsOtherMembersAndOneDroppedLosesAll) {
  for (const bool drop : {false, true}) {
    const std::string product = drop ? "milk" : "tea";
    world_.Do(office_, Priced(product, 900), "product", product);
    const uint64_t first = till_.Record(Moved(product, -1), "stock", product);
    till_.Record(Priced(product, 800), "product", product);
    till_.SetBasedOn(HistoryPoint());
    till_.SetBatchSize(first, 2);
    world_.Push(till_);
    world_.Run();
    const uint64_t at = till_.receipts().at(first).position;
    const Resolve resolve =
        drop ? MakeResolve(at + 1, Resolve::DROP) : MakeReplace(at + 1, Priced(product, 850));
    EXPECT_EQ(world_.Do(office_, resolve, "product", product).decision, ACCEPTED);
    EXPECT_EQ(world_.SettlementOf(at)->decision(), drop ? REJECTED : ACCEPTED);
    const Settlement replaced = *world_.SettlementOf(at + 1);
    EXPECT_EQ(replaced.payload().empty(), drop);
    EXPECT_TRUE(drop || PriceIn(replaced) == 850);
  }
}

TEST_F(ServerLifeTest, ALaneThatWaitsHoldsUpNoOtherLaneAndNoDownload) {
  const uint64_t open = Conflict();
  Follow(700);
  EXPECT_EQ(world_.Do(till_, Moved("milk", -1), "stock", "milk").decision, ACCEPTED);
  EXPECT_EQ(world_.Do(till_, Priced("tea", 5), "product", "tea").decision, ACCEPTED);
  const auto moved = world_.Do(office_, Moved("tea", 7), "stock", "tea");
  EXPECT_TRUE(till_.seen().contains(moved.position));
  EXPECT_EQ(till_.cursor("shop"), moved.position);
  EXPECT_EQ(world_.SettlementOf(open), std::nullopt);
}

TEST_F(ServerLifeTest, AnOperatorMayDoWhatTheDeviceMayAndIsAnsweredOnceItIsDurable) {
  const uint64_t rejected = Rejected();
  Intent control;
  control.set_type("intentlog.Amend");
  control.set_payload(MakeAmend(rejected, Priced("milk", 5)).SerializeAsString());
  std::vector<OwnReceipt> receipts;
  const auto settle = [&] {
    ASSERT_TRUE(world_.server()
                    ->Settle("default", control, "anna",
                             [&](const OwnReceipt& receipt) { receipts.push_back(receipt); })
                    .ok());
  };
  settle();
  world_.server().RunWithoutCommits();
  EXPECT_TRUE(receipts.empty());
  world_.Run();
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_EQ(receipts[0].decision, ACCEPTED) << receipts[0].reason.text();
  EXPECT_EQ(world_.SettlementOf(rejected)->resolver(), "anna");
  settle();
  world_.Run();
  EXPECT_EQ(receipts[1].reason.code(), Reason::NOT_OPEN);
  EXPECT_THAT(receipts[1].reason.text(), HasSubstr("by anna"));
  EXPECT_GT(receipts[1].position, receipts[0].position);
  EXPECT_EQ(world_.server()->Settle("nobody", control, "", {}).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace intentlog
