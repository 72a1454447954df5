// What becomes of work that two people did at once, without seeing each other.
#include <gtest/gtest.h>

#include "proto/views.pb.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

class DecisionScenario : public testing::Test {
 protected:
  void SetUp() override {
    shared_.scope = "shared";
    world_.StartServer();
    world_.AddDevice("till-1");
    world_.AddDevice("till-2");
    ASSERT_TRUE(world_.RunUntilQuiet());
  }
  // Both record while neither hears of the other, till-2 so much later; then both sync, till-1
  // first.
  void AtOnce(const google::protobuf::Message& first, const google::protobuf::Message& second,
              absl::Duration later = absl::ZeroDuration()) {
    world_.network().Partition("till-1");
    world_.network().Partition("till-2");
    if (later >= absl::ZeroDuration()) first_ = world_.Append("till-1", first, shared_);
    world_.RunFor(absl::AbsDuration(later));
    second_ = world_.Append("till-2", second, shared_);
    world_.RunFor(absl::AbsDuration(later));
    if (later < absl::ZeroDuration()) first_ = world_.Append("till-1", first, shared_);
    world_.network().Heal();
    world_.network().Partition("till-2");
    world_.RunFor(absl::Minutes(10));
    world_.network().Heal();
    ASSERT_TRUE(world_.RunUntilQuiet());
  }
  Client::RecordedIntent Found(const std::string& device, const Appended& appended) {
    auto found = world_.device(device).Find(appended.intent_id);
    EXPECT_TRUE(found.ok());
    return found.ok() ? *found : Client::RecordedIntent();
  }
  int64_t OnHand(const std::string& device) {
    const auto row = world_.device(device).Get("stock", "milk");
    return row.ok() && row->has_value() ? (**row).Read<views::StockRow>().on_hand() : -1;
  }

  World world_{2};
  AppendOptions shared_;
  Appended first_, second_;
};

TEST_F(DecisionScenario, StockMovementsCommute) {
  AtOnce(Move("milk", 10), Move("milk", -3));
  EXPECT_EQ(Found("till-1", first_).decision, ACCEPTED);
  EXPECT_EQ(Found("till-2", second_).decision, MERGED);
  EXPECT_EQ(OnHand("till-1"), 7);
  EXPECT_EQ(OnHand("till-2"), 7);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, TheLaterCountOfStockStands) {
  AtOnce(CountStock("milk", 5), CountStock("milk", 8), absl::Minutes(1));
  EXPECT_EQ(Found("till-2", second_).decision, MERGED);
  EXPECT_EQ(OnHand("till-1"), 8);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, AnEarlierCountOfStockThatArrivesLaterDoesNot) {
  AtOnce(CountStock("milk", 5), CountStock("milk", 8), -absl::Minutes(1));
  EXPECT_EQ(Found("till-2", second_).decision, MERGED);
  EXPECT_EQ(OnHand("till-1"), 5);
  EXPECT_EQ(OnHand("till-2"), 5);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, AnOrderThatTwoCancelIsCancelledOnce) {
  commerce::OrderCancelled again = Cancel("17");
  again.set_reason("the customer called a second time");
  AtOnce(Cancel("17"), again);
  const auto duplicate = Found("till-2", second_);
  EXPECT_EQ(duplicate.decision, DUPLICATE);
  EXPECT_EQ(duplicate.state, RecordState::kSynced);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, ALineForAnOrderThatIsBeingCancelledAwaitsAPerson) {
  AtOnce(Line("17", "milk"), Cancel("17"));
  EXPECT_EQ(Found("till-2", second_).decision, CONFLICTED);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, DetailsOfACustomerMergeFieldByField) {
  commerce::CustomerUpdated phone, name;
  phone.set_customer_id("ann");
  phone.set_phone("123");
  name.set_customer_id("ann");
  name.set_name("Ann");
  AtOnce(phone, name);
  EXPECT_EQ(Found("till-2", second_).decision, MERGED);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, TwoCreditLimitsAwaitAPersonWhoIsToldWhichField) {
  commerce::CustomerUpdated limit;
  limit.set_customer_id("ann");
  limit.set_credit_limit_micros(1);
  AtOnce(limit, limit);
  const auto conflicted = Found("till-2", second_);
  EXPECT_EQ(conflicted.decision, CONFLICTED);
  EXPECT_EQ(conflicted.reason.field(), "credit_limit_micros");
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, TwoPricesForOneProductAwaitAPerson) {
  AtOnce(Price("milk", 1), Price("milk", 2));
  EXPECT_EQ(Found("till-1", first_).decision, ACCEPTED);
  const auto conflicted = Found("till-2", second_);
  EXPECT_EQ(conflicted.decision, CONFLICTED);
  EXPECT_EQ(conflicted.state, RecordState::kConflicted);
  EXPECT_EQ(conflicted.reason.other_position(), 1);
  EXPECT_NE(conflicted.reason.text(), "");
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, WhatFollowsAConflictParksInItsLaneAndStopsNothingElse) {
  AtOnce(Price("milk", 1), Price("milk", 2));
  const Appended follower = world_.Append("till-2", Price("milk", 3), shared_);
  const Appended other = world_.Append("till-2", Price("bread", 3), shared_);
  ASSERT_TRUE(world_.RunUntilQuiet());
  const auto parked = Found("till-2", follower);
  EXPECT_EQ(parked.decision, PARKED);
  EXPECT_EQ(parked.state, RecordState::kPending);
  const auto why = world_.device("till-2").Why(follower.intent_id);
  ASSERT_TRUE(why.ok());
  EXPECT_EQ(why->kind, BlockedBy::kAwaitingReview);
  EXPECT_EQ(why->behind_entity.id, "milk");
  EXPECT_EQ(Found("till-2", other).decision, ACCEPTED);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, I16_WhoFollowsAScopeNoMoreLearnsHowItsWorkThereEnds) {
  AtOnce(Price("milk", 1), Price("milk", 2));
  const Appended before = world_.Append("till-2", Price("milk", 3), shared_);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.CrashDevice("till-2");
  world_.AdjustDevices([](ClientOptions& options) {
    if (options.device == "till-2") options.scopes = {"till-2"};
  });
  world_.StartDevice("till-2");
  const Appended after = world_.Append("till-2", Price("milk", 4), shared_);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Found("till-2", second_).decision, CONFLICTED);
  EXPECT_EQ(Found("till-2", after).decision, PARKED);
  const Position conflict = Found("till-2", second_).position;
  ASSERT_TRUE(world_.Resolve("till-1", conflict, Verdict::kDrop).ok());
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(Found("till-2", second_).decision, REJECTED);
  EXPECT_EQ(Found("till-2", second_).state, RecordState::kSynced);
  EXPECT_EQ(Found("till-2", before).decision, ACCEPTED);
  EXPECT_EQ(Found("till-2", after).decision, ACCEPTED);
  const StateCounts counts = world_.device("till-2").Status().counts;
  EXPECT_EQ(counts.synced, counts.recorded);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, I16_AServerThatIsAskedAboutOneAtATimeAnswersInTurn) {
  world_.CrashServer();
  world_.AdjustServer([](ServerOptions& options) { options.asked_max = 1; });
  world_.StartServer();
  AtOnce(Price("milk", 1), Price("milk", 2));
  const Appended after = world_.Append("till-2", Price("milk", 3), shared_);
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.CrashDevice("till-2");
  world_.AdjustDevices([](ClientOptions& options) {
    if (options.device == "till-2") options.scopes = {"till-2"};
  });
  world_.StartDevice("till-2");
  ASSERT_TRUE(world_.RunUntilQuiet());
  const Position conflict = Found("till-2", second_).position;
  ASSERT_TRUE(world_.Resolve("till-1", conflict, Verdict::kDrop).ok());
  ASSERT_TRUE(world_.RunUntilQuiet());
  world_.RunFor(absl::Minutes(2));
  EXPECT_EQ(Found("till-2", second_).decision, REJECTED);
  EXPECT_EQ(Found("till-2", after).decision, ACCEPTED);
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, ABatchThatWaitsInTwoLanesSaysWhichOneStopsItNow) {
  AtOnce(Price("milk", 1), Price("milk", 2));
  const Appended milk = second_;
  AtOnce(Price("bread", 1), Price("bread", 2));
  const Appended bread = second_;
  const auto milk_again = Price("milk", 3);
  const auto bread_again = Price("bread", 3);
  world_.AppendAll("till-2", {&milk_again, &bread_again}, "shared");
  ASSERT_TRUE(world_.RunUntilQuiet());
  Client& till = world_.device("till-2");
  const auto batch = till.List(bread.count.Next(), 1);
  const auto id = IntentId::FromBytes(batch->at(0).intent.intent_id());
  EXPECT_EQ(till.Why(id)->behind, Found("till-2", milk).position);
  ASSERT_TRUE(world_.Resolve("till-2", Found("till-2", milk).position, Verdict::kApply).ok());
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(till.Why(id)->kind, BlockedBy::kAwaitingReview);
  EXPECT_EQ(till.Why(id)->behind, Found("till-2", bread).position);
  EXPECT_EQ(till.Why(id)->behind_entity.id, "bread");
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, ABatchIsDecidedAsItsStrictestMember) {
  world_.network().Partition("till-1");
  world_.network().Partition("till-2");
  const auto price_1 = Price("milk", 1);
  world_.AppendAll("till-1", {&price_1}, "shared");
  const auto price_2 = Price("milk", 2);
  const auto bread = Price("bread", 4);
  world_.AppendAll("till-2", {&bread, &price_2}, "shared");
  world_.network().Heal();
  world_.network().Partition("till-2");
  world_.RunFor(absl::Minutes(10));
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  const ClientStatus status = world_.device("till-2").Status();
  EXPECT_EQ(status.counts.conflicted, 2);  // I4
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(DecisionScenario, WorkThatSawTheOthersIsAccepted) {
  world_.Append("till-1", Price("milk", 1), shared_);
  ASSERT_TRUE(world_.RunUntilQuiet());
  const Appended later = world_.Append("till-2", Price("milk", 2), shared_);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Found("till-2", later).decision, ACCEPTED);
}

TEST_F(DecisionScenario, AnInvalidPayloadIsRefusedAtTheSourceWithItsField) {
  const auto appended = world_.device("till-1").Append(Price("", 1), shared_);
  EXPECT_EQ(appended.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(appended.status().ToString().find("product_id"), std::string::npos);
  EXPECT_EQ(world_.device("till-1").Status().counts.recorded, 0);
}

}  // namespace
}  // namespace intentlog::scenario
