// What becomes of what did not take effect, and how people close it.
#include "client/client.h"
#include "client/test_shop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A till whose server decides by product: "bad" is rejected, "clash" conflicted, "behind" parked.
class DecideTest : public testing::Test {
 protected:
  DecideTest() : shop_(testing::UnitTest::GetInstance()->current_test_info()->name()) {
    shop_.server().Decide([](const Intent& intent) {
      const std::string product = ProductOf(intent.payload());
      return product == "bad"      ? REJECTED
             : product == "clash"  ? CONFLICTED
             : product == "behind" ? PARKED
                                   : ACCEPTED;
    });
    shop_.server().Explain([](const Intent&, Decision decision) {
      Reason reason;
      if (decision == REJECTED) reason.set_code(Reason::FIELD_TOO_LONG);
      if (decision == REJECTED) reason.set_field("product_id");
      if (decision == CONFLICTED) reason.set_code(Reason::CONCURRENT_CHANGE);
      if (decision == CONFLICTED) reason.set_rule(REVIEW);
      return reason;
    });
  }

  static std::string ProductOf(const std::string& payload) {
    commerce::OrderLineAdded line;
    EXPECT_TRUE(line.ParseFromString(payload));
    return line.product_id();
  }
  Client& client() { return shop_.client(); }
  FakeServer& server() { return shop_.server(); }
  Client::RecordedIntent Found(const Appended& of) {
    const auto found = client().Find(of.intent_id);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.value_or(Client::RecordedIntent());
  }
  std::vector<Conflict> Conflicts() {
    auto conflicts = client().Conflicts();
    EXPECT_TRUE(conflicts.ok()) << conflicts.status();
    return conflicts.value_or(std::vector<Conflict>());
  }
  // synced, pending, failed, conflicted; before and after the process began again.
  void ExpectCounts(uint64_t synced, uint64_t pending, uint64_t failed, uint64_t conflicted) {
    for (const bool again : {false, true}) {
      if (again) {
        shop_.Restart();
        shop_.Sync();
      }
      const StateCounts counts = client().Status().counts;
      EXPECT_THAT(
          (std::vector<uint64_t>{counts.synced, counts.pending, counts.failed, counts.conflicted}),
          ElementsAre(synced, pending, failed, conflicted))
          << again;
      EXPECT_EQ(counts.recorded, synced + pending + failed + conflicted);
    }
  }
  DecideOptions Replacement(const google::protobuf::Message& event) {
    DecideOptions options;
    options.replacement = &event;
    return options;
  }
  static void ExpectRefused(const absl::Status& status, absl::StatusCode code,
                            const std::string& text) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }

  TestShop shop_;
};

// ---- rejected

TEST_F(DecideTest, ADismissedIntentIsNoLongerFailed) {
  const Appended sold = shop_.Sell("1", "bad", 1);
  shop_.Sync();
  ExpectCounts(0, 0, 1, 0);
  EXPECT_EQ(Found(sold).reason.field(), "product_id");
  const auto dismissed = client().Dismiss(sold.intent_id);
  ASSERT_TRUE(dismissed.ok()) << dismissed.status();
  EXPECT_EQ(shop_.StateOf("1"), RecordState::kFailed);  // until the server says so
  shop_.Run();
  ExpectCounts(2, 0, 0, 0);
  EXPECT_EQ(shop_.StateOf("1"), RecordState::kSynced);
  EXPECT_EQ(Found(sold).state, RecordState::kSynced);
  EXPECT_EQ(Found(sold).decision, REJECTED);
  EXPECT_EQ(Found(sold).settled_at, Position(3));
  EXPECT_EQ(shop_.Stock("bad"), 0);
}

TEST_F(DecideTest, AnAmendedIntentTakesEffectAsAmended) {
  const Appended sold = shop_.Sell("1", "bad", 2);
  const Appended behind = shop_.Sell("1", "behind", 3);
  shop_.Sync();
  ExpectCounts(0, 1, 1, 0);
  EXPECT_EQ(Found(behind).pointer, 1u);
  ASSERT_TRUE(client().Amend(sold.intent_id, TestShop::Line("1", "good", 2)).ok());
  EXPECT_EQ(shop_.Stock("good"), 0);  // comes with its settlement, not before
  shop_.Run();
  ExpectCounts(3, 0, 0, 0);
  EXPECT_EQ(shop_.Stock("good"), -2);
  EXPECT_EQ(shop_.Stock("behind"), -3);
  EXPECT_EQ(Found(sold).first_decision, REJECTED);
  EXPECT_EQ(Found(sold).decision, ACCEPTED);
}

TEST_F(DecideTest, AnAmendedIntentThatClashesBecomesAConflict) {
  const Appended sold = shop_.Sell("1", "bad", 2);
  shop_.Sync();
  server().Readmit([](const Intent&) { return CONFLICTED; });
  ASSERT_TRUE(client().Amend(sold.intent_id, TestShop::Line("1", "good", 2)).ok());
  shop_.Run();
  ExpectCounts(1, 0, 0, 1);
  EXPECT_EQ(shop_.StateOf("1"), RecordState::kConflicted);
  const auto conflicts = Conflicts();
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].intent_id, sold.intent_id);
  EXPECT_TRUE(conflicts[0].mine.own);
  EXPECT_EQ(ProductOf(conflicts[0].mine.payload), "good");
  EXPECT_FALSE(conflicts[0].said);
  ASSERT_TRUE(client().Resolve(conflicts[0].position, Verdict::kApply).ok());
  shop_.Run();
  ExpectCounts(3, 0, 0, 0);
  EXPECT_THAT(Conflicts(), IsEmpty());
}

TEST_F(DecideTest, AmendAndDismissAreRefusedWhereTheDeviceKnowsBetter) {
  const Appended waiting = shop_.Sell("0", "milk", 1);
  ExpectRefused(client().Dismiss(waiting.intent_id).status(), absl::StatusCode::kFailedPrecondition,
                "has not decided on it yet");
  const Appended good = shop_.Sell("1", "milk", 1);
  const Appended bad = shop_.Sell("2", "bad", 1);
  const Appended clash = shop_.Sell("3", "clash", 1);
  const Appended parked = shop_.Sell("3", "behind", 1);
  shop_.Sync();
  client().StopSync();
  const auto line = TestShop::Line("2", "milk", 1);
  ExpectRefused(client().Amend(good.intent_id, line).status(),
                absl::StatusCode::kFailedPrecondition, "it is synced at position 2");
  ExpectRefused(client().Amend(clash.intent_id, line).status(),
                absl::StatusCode::kFailedPrecondition, "it is conflicted at position 4; resolve");
  ExpectRefused(client().Dismiss(parked.intent_id).status(), absl::StatusCode::kFailedPrecondition,
                "behind position 4; settle that");
  ExpectRefused(client().Dismiss(IntentId::FromBytes("sixteen bytes id")).status(),
                absl::StatusCode::kNotFound, "never recorded");
  ExpectRefused(client().Amend(bad.intent_id, TestShop::Line("9", "milk", 1)).status(),
                absl::StatusCode::kInvalidArgument,
                "about order/2; the replacement is about order/9");
  commerce::StockMoved other;
  other.set_product_id("2");
  ExpectRefused(client().Amend(bad.intent_id, other).status(), absl::StatusCode::kInvalidArgument,
                "can not stand in for it");
  ExpectRefused(client().Amend(bad.intent_id, TestShop::Line("", "milk", 1)).status(),
                absl::StatusCode::kInvalidArgument, "order_id");
  const auto amended = client().Amend(bad.intent_id, line);
  ASSERT_TRUE(amended.ok());
  ExpectRefused(client().Dismiss(bad.intent_id).status(), absl::StatusCode::kFailedPrecondition,
                "is on its way already");
  ExpectRefused(client().Dismiss(amended->intent_id).status(),
                absl::StatusCode::kFailedPrecondition, "it is a decision, not a record");
  shop_.Sync();
  ExpectRefused(client().Dismiss(bad.intent_id).status(), absl::StatusCode::kFailedPrecondition,
                "it is synced at position 3");
}

TEST_F(DecideTest, WhatWasDismissedCannotBeAmended) {
  const Appended bad = shop_.Sell("2", "bad", 1);
  shop_.Sync();
  ASSERT_TRUE(client().Dismiss(bad.intent_id).ok());
  shop_.Run();
  ExpectRefused(client().Amend(bad.intent_id, TestShop::Line("2", "milk", 1)).status(),
                absl::StatusCode::kFailedPrecondition, "given up already");
}

// ---- conflicted

TEST_F(DecideTest, AConflictOfOthersIsKeptUntilItsSettlement) {
  server().Append("shop", TestShop::ByOthers("1", "milk", 1));
  Intent clashing = TestShop::ByOthers("1", "milk", 5);
  clashing.mutable_based_on()->set_position(1);
  server().Append("shop", TestShop::ByOthers("1", "milk", 3));
  server().Explain(nullptr);
  Reason reason;
  reason.set_code(Reason::CONCURRENT_CHANGE);
  reason.set_rule(REVIEW);
  reason.set_other_position(2);
  reason.add_fields("quantity");
  const uint64_t position = server().Append("shop", clashing, CONFLICTED, reason);
  shop_.Sync();
  for (const bool again : {false, true}) {
    if (again) shop_.Restart();
    const auto conflicts = Conflicts();
    ASSERT_EQ(conflicts.size(), 1u);
    const Conflict& one = conflicts[0];
    EXPECT_EQ(one.position, Position(position));
    EXPECT_EQ(one.entity, (Entity{"order", "1"}));
    EXPECT_EQ(one.rule, REVIEW);
    EXPECT_THAT(one.fields, ElementsAre("quantity"));
    EXPECT_FALSE(one.mine.own);
    ASSERT_TRUE(one.theirs && one.base);
    EXPECT_EQ(one.theirs->position, Position(2));
    EXPECT_EQ(one.theirs->payload, TestShop::Line("1", "milk", 3).SerializeAsString());
    EXPECT_EQ(one.base->position, Position(1));
    EXPECT_GT(one.since, absl::InfinitePast());
  }
  shop_.Sync();
  server().Settle(position, MERGED, "somebody");
  shop_.Run();
  EXPECT_THAT(Conflicts(), IsEmpty());
}

TEST_F(DecideTest, AnOwnConflictIsShownBeforeTheFeedTellsOfIt) {
  server().HoldFeed(true);
  const Appended sold = shop_.Sell("1", "clash", 2);
  shop_.Sync();
  auto conflicts = Conflicts();
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].intent_id, sold.intent_id);
  EXPECT_EQ(conflicts[0].since, absl::InfinitePast());
  ASSERT_TRUE(client().Resolve(Position(1), Verdict::kDrop).ok());
  server().HoldFeed(false);
  shop_.Run();
  EXPECT_THAT(Conflicts(), IsEmpty());
  ExpectCounts(2, 0, 0, 0);
}

TEST_F(DecideTest, WhatWasSaidOfAConflictStaysWhenTheFeedTellsOfIt) {
  server().HoldFeed(true);
  shop_.Sell("1", "clash", 2);
  shop_.Sync();
  shop_.network().OnFrame([](const DeviceFrame&) {});  // what is pushed from now on is lost
  const auto said = client().Resolve(Position(1), Verdict::kDrop);
  ASSERT_TRUE(said.ok());
  server().HoldFeed(false);
  shop_.Run();
  const auto conflicts = Conflicts();
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_GT(conflicts[0].since, absl::InfinitePast());
  ASSERT_TRUE(conflicts[0].said);
  EXPECT_EQ(conflicts[0].said->intent_id, said->intent_id);
  EXPECT_FALSE(conflicts[0].said->refused);
}

TEST_F(DecideTest, ApplyPutsItInPlaceAndItsFollowersInOrder) {
  shop_.Sell("1", "clash", 2);
  shop_.Sell("1", "behind", 3);
  shop_.Sell("1", "behind", 4);
  shop_.Sync();
  ExpectCounts(0, 2, 0, 1);
  EXPECT_EQ(shop_.Stock("clash"), 0);
  EXPECT_EQ(shop_.Stock("behind"), -7);
  const auto resolved = client().Resolve(Position(1), Verdict::kApply);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(shop_.StateOf("1"), RecordState::kConflicted);
  EXPECT_EQ(shop_.Stock("clash"), 0);
  shop_.Run();
  ExpectCounts(4, 0, 0, 0);
  EXPECT_EQ(shop_.Stock("clash"), -2);
  EXPECT_EQ(shop_.Stock("behind"), -7);
  EXPECT_EQ(shop_.ConfirmedStock("behind"), -7);
  EXPECT_TRUE(Found(*resolved).is_control);
}

TEST_F(DecideTest, DropTakesFollowersAlongIfAsked) {
  shop_.Sell("1", "clash", 2);
  shop_.Sell("1", "behind", 3);
  shop_.Sync();
  DecideOptions options;
  options.followers_too = true;
  ASSERT_TRUE(client().Resolve(Position(1), Verdict::kDrop, options).ok());
  shop_.Run();
  ExpectCounts(3, 0, 0, 0);
  EXPECT_EQ(shop_.Stock("behind"), 0);
}

TEST_F(DecideTest, ReplacePutsSomethingElseInPlace) {
  shop_.Sell("1", "clash", 2);
  shop_.Sync();
  const auto line = TestShop::Line("1", "milk", 9);
  ASSERT_TRUE(client().Resolve(Position(1), Verdict::kReplace, Replacement(line)).ok());
  shop_.Run();
  EXPECT_EQ(shop_.Stock("milk"), -9);
  EXPECT_EQ(shop_.Stock("clash"), 0);
}

TEST_F(DecideTest, I16_AFollowerThatTurnsStaysOpenAndTheRestWaits) {
  shop_.Sell("1", "clash", 1);
  const Appended second = shop_.Sell("1", "behind", 2);
  const Appended third = shop_.Sell("1", "behind", 3);
  shop_.Sync();
  server().Readmit([](const Intent&) { return CONFLICTED; });
  ASSERT_TRUE(client().Resolve(Position(1), Verdict::kDrop).ok());
  shop_.Run();
  ExpectCounts(2, 1, 0, 1);
  EXPECT_EQ(Found(second).state, RecordState::kConflicted);
  EXPECT_EQ(Found(second).first_decision, PARKED);
  EXPECT_EQ(Found(third).state, RecordState::kPending);
  const auto why = client().Why(third.intent_id);  // not what stopped the lane first
  EXPECT_EQ(why->kind, BlockedBy::kAwaitingReview) << why->text;
  EXPECT_EQ(why->behind, Position(2));
  EXPECT_EQ(why->behind_entity.id, "1");
  EXPECT_EQ(shop_.Stock("behind"), -3);  // the conflicted one shows in the list of conflicts alone
  const auto conflicts = Conflicts();
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].position, Position(2));
  EXPECT_EQ(conflicts[0].intent_id, second.intent_id);
  server().Readmit([](const Intent&) { return REJECTED; });
  ASSERT_TRUE(client().Resolve(Position(2), Verdict::kApply).ok());
  shop_.Run();
  ExpectCounts(4, 0, 1, 0);
  EXPECT_EQ(Found(third).state, RecordState::kFailed);
  ASSERT_TRUE(client().Dismiss(third.intent_id).ok());
  shop_.Run();
  ExpectCounts(6, 0, 0, 0);
  EXPECT_EQ(shop_.Stock("behind"), -2);
}

TEST_F(DecideTest, ARefusedDecisionIsOverAndTheConflictSaysWhy) {
  shop_.Sell("1", "clash", 1);
  shop_.Sync();
  server().RefuseNext();
  const auto said = client().Resolve(Position(1), Verdict::kApply);
  ASSERT_TRUE(said.ok());
  shop_.Run();
  ExpectCounts(1, 0, 0, 1);  // nobody's attention but the conflict's own
  EXPECT_EQ(Found(*said).state, RecordState::kSynced);
  EXPECT_EQ(Found(*said).reason.code(), Reason::STALE);
  const auto conflicts = Conflicts();
  ASSERT_EQ(conflicts.size(), 1u);
  ASSERT_TRUE(conflicts[0].said);
  EXPECT_TRUE(conflicts[0].said->refused);
  EXPECT_EQ(conflicts[0].said->reason.text(), "position 1 came after it");
  ASSERT_TRUE(client().Resolve(Position(1), Verdict::kApply).ok());  // and again
  shop_.Run();
  ExpectCounts(3, 0, 0, 0);
}

TEST_F(DecideTest, OfTwoWhoResolveAtOnceTheSecondIsTold) {
  shop_.Sell("1", "clash", 1);
  shop_.Sync();
  client().StopSync();
  server().Settle(1, {MERGED, "their id", "till-2", false, "", Reason()});
  const auto second = client().Resolve(Position(1), Verdict::kDrop);
  ASSERT_TRUE(second.ok());  // it can not know
  shop_.Sync();
  ExpectCounts(2, 0, 0, 0);
  EXPECT_EQ(Found(*second).reason.code(), Reason::NOT_OPEN);
  EXPECT_EQ(shop_.Stock("clash"), -1);
  ExpectRefused(client().Resolve(Position(1), Verdict::kDrop).status(),
                absl::StatusCode::kFailedPrecondition, "settled already, at position 2 by till-2");
}

TEST_F(DecideTest, ResolveIsRefusedWhereTheDeviceKnowsBetter) {
  shop_.Sell("1", "milk", 1);
  shop_.Sell("2", "bad", 1);
  shop_.Sell("3", "clash", 1);
  shop_.Sell("3", "behind", 1);
  shop_.Sync();
  client().StopSync();
  const auto resolve = [&](uint64_t position, Verdict verdict = Verdict::kApply,
                           const DecideOptions& options = {}) {
    return client().Resolve(Position(position), verdict, options).status();
  };
  ExpectRefused(resolve(0), absl::StatusCode::kInvalidArgument, "1 or higher");
  ExpectRefused(resolve(1), absl::StatusCode::kNotFound, "no conflict at position 1");
  ExpectRefused(resolve(2), absl::StatusCode::kFailedPrecondition, "amend or dismiss it");
  ExpectRefused(resolve(4), absl::StatusCode::kFailedPrecondition, "waits behind another");
  ExpectRefused(resolve(99), absl::StatusCode::kNotFound, "has the feed through 4; sync first");
  ExpectRefused(resolve(3, Verdict::kReplace), absl::StatusCode::kInvalidArgument,
                "a replacement is needed");
  const auto line = TestShop::Line("3", "milk", 1);
  ExpectRefused(resolve(3, Verdict::kApply, Replacement(line)), absl::StatusCode::kInvalidArgument,
                "only a replace takes a replacement");
  const auto other_key = TestShop::Line("4", "milk", 1);
  ExpectRefused(resolve(3, Verdict::kReplace, Replacement(other_key)),
                absl::StatusCode::kInvalidArgument, "the replacement is about order/4");
  DecideOptions followers;
  followers.followers_too = true;
  ExpectRefused(resolve(3, Verdict::kApply, followers), absl::StatusCode::kInvalidArgument,
                "only what is dropped");
  EXPECT_TRUE(resolve(3).ok());
  ExpectRefused(resolve(3), absl::StatusCode::kFailedPrecondition, "is on its way already");
  EXPECT_EQ(client().Status().counts.recorded, 5u);
}

TEST_F(DecideTest, I2_ADecisionWithTheSameIdIsRecordedOnce) {
  shop_.Sell("1", "clash", 1);
  shop_.Sync();
  client().StopSync();
  DecideOptions options;
  options.intent_id = IntentId::FromBytes("sixteen bytes id");
  const auto first = client().Resolve(Position(1), Verdict::kDrop, options);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = client().Resolve(Position(1), Verdict::kDrop, options);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->count, first->count);
  ExpectRefused(client().Resolve(Position(1), Verdict::kApply, options).status(),
                absl::StatusCode::kAlreadyExists, "with other content");
}

TEST_F(DecideTest, I16_I21_ASettlementIsAReceiptToo) {
  server().HoldReceipts(true);
  const Appended sold = shop_.Sell("1", "bad", 1);
  const Appended parked = shop_.Sell("2", "behind", 5);
  shop_.Sync();
  Reason dropped;
  dropped.set_code(Reason::DROPPED);
  server().Settle(2, ACCEPTED);
  shop_.Run();
  EXPECT_EQ(shop_.Stock("behind"), -5);  // and not twice
  EXPECT_EQ(Found(parked).state, RecordState::kSynced);
  EXPECT_EQ(Found(sold).state, RecordState::kPending);
  server().Settle(1, {REJECTED, "", "operator", false, "", dropped});
  shop_.Run();
  EXPECT_EQ(Found(sold).state, RecordState::kSynced);
  shop_.Cut();
  server().HoldReceipts(false);
  shop_.Pass(absl::Minutes(1));
  ExpectCounts(2, 0, 0, 0);
  EXPECT_EQ(Found(sold).settled_at, Position(4));
  EXPECT_EQ(shop_.Stock("behind"), -5);
}

TEST_F(DecideTest, AFolderOfAnOlderVersionHasItsConflictsAndRejectedOnes) {
  const Appended sold = shop_.Sell("1", "bad", 1);
  server().Append("shop", TestShop::ByOthers("2", "milk", 1), CONFLICTED);
  server().Append("shop", TestShop::ByOthers("3", "milk", 1), CONFLICTED);
  server().Settle(1, MERGED, "a person");
  shop_.Sync();
  ASSERT_EQ(Conflicts().size(), 1u);
  // As an older version wrote it.
  StoreBatch older;
  older.Delete(Space::kMeta, "conflicts");
  auto row = client().store().Scan(Space::kIndex);
  for (const std::string prefix : {"c", "o"}) {
    for (row->Seek(prefix); row->Valid() && row->key().substr(0, 1) == prefix; row->Next()) {
      older.Delete(Space::kIndex, row->key());
    }
  }
  row.reset();
  ASSERT_TRUE(client().store().Commit(older, Sync::kDurable).ok());
  EXPECT_THAT(Conflicts(), IsEmpty());
  shop_.Restart();
  ASSERT_EQ(Conflicts().size(), 1u);
  EXPECT_EQ(Conflicts()[0].position, Position(2));
  EXPECT_EQ(shop_.StateOf("1"), RecordState::kFailed);
  shop_.Sync();
  ASSERT_TRUE(client().Dismiss(sold.intent_id).ok());
  shop_.Run();
  EXPECT_EQ(shop_.StateOf("1"), RecordState::kSynced);
}

TEST_F(DecideTest, ADecisionWaitsOfflineAsAnyIntent) {
  shop_.Sell("1", "clash", 1);
  shop_.Sync();
  client().StopSync();
  const auto said = client().Resolve(Position(1), Verdict::kApply);
  ASSERT_TRUE(said.ok());
  shop_.Restart();
  EXPECT_EQ(client().Status().counts.pending, 1u);
  EXPECT_EQ(client().Why(said->intent_id)->kind, BlockedBy::kSyncStopped);
  ASSERT_TRUE(Conflicts()[0].said);
  shop_.Sync();
  ExpectCounts(2, 0, 0, 0);
  EXPECT_EQ(Found(*said).intent.based_on().position(), 1u);
}

// ---- being told

TEST_F(DecideTest, StatesAreToldOncePerChange) {
  std::vector<std::string> told;
  const auto note = [&](const Entity& entity, RecordState state) {
    told.push_back(entity.id + " " + std::to_string(static_cast<int>(state)));
  };
  const auto watch = client().WatchStates(note);
  const std::string kSynced = "1 " + std::to_string(static_cast<int>(RecordState::kSynced));
  const std::string kPending = "1 " + std::to_string(static_cast<int>(RecordState::kPending));
  const std::string kConflicted = "1 " + std::to_string(static_cast<int>(RecordState::kConflicted));
  shop_.Sell("1", "milk", 1);
  shop_.Sell("1", "milk", 1);
  shop_.Run();
  EXPECT_THAT(told, ElementsAre(kPending));
  shop_.Sync();
  EXPECT_THAT(told, ElementsAre(kPending, kSynced));
  told.clear();
  shop_.Sell("1", "clash", 1);
  shop_.Run();
  EXPECT_EQ(told.back(), kConflicted);
  told.clear();
  ASSERT_TRUE(client().Resolve(Position(3), Verdict::kApply).ok());
  shop_.Run();
  EXPECT_THAT(told, ElementsAre(kSynced));
  client().UnwatchStates(watch);
  shop_.Sell("2", "milk", 1);
  shop_.Run();
  EXPECT_EQ(told.size(), 1u);
}

TEST_F(DecideTest, AReceiptIsAwaitedAndToldOnce) {
  const Appended sold = shop_.Sell("1", "bad", 1);
  std::vector<Decision> told;
  const auto note = [&](const Client::RecordedIntent& intent) { told.push_back(intent.decision); };
  ASSERT_TRUE(client().AwaitReceipt(sold.intent_id, note).ok());
  shop_.Run();
  EXPECT_THAT(told, IsEmpty());
  shop_.Sync();
  EXPECT_THAT(told, ElementsAre(REJECTED));
  ASSERT_TRUE(client().AwaitReceipt(sold.intent_id, note).ok());  // it is there already
  shop_.Run();
  EXPECT_EQ(told.size(), 2u);
  shop_.Sell("1", "milk", 1);
  shop_.Run();
  EXPECT_EQ(told.size(), 2u);
  EXPECT_TRUE(
      absl::IsNotFound(client().AwaitReceipt(IntentId::FromBytes("sixteen bytes id"), note)));
}

TEST_F(DecideTest, AwaitedReceiptsAreBoundedAndNotToldAfterTheClientIsGone) {
  shop_.options().awaited_max = 2;
  shop_.Restart();
  const Appended sold = shop_.Sell("1", "milk", 1);
  int told = 0;
  const auto note = [&](const Client::RecordedIntent&) { ++told; };
  ASSERT_TRUE(client().AwaitReceipt(sold.intent_id, note).ok());
  ASSERT_TRUE(client().AwaitReceipt(sold.intent_id, note).ok());
  ExpectRefused(client().AwaitReceipt(sold.intent_id, note), absl::StatusCode::kResourceExhausted,
                "at most 2 receipts");
  shop_.Restart();
  shop_.Sync();
  EXPECT_EQ(told, 0);
}

TEST_F(DecideTest, WaitingForAReceiptEndsWithItOrInTime) {
  const Appended sold = shop_.Sell("1", "milk", 1);
  const auto late = client().WaitForReceipt(sold.intent_id, absl::ZeroDuration());
  ExpectRefused(late.status(), absl::StatusCode::kDeadlineExceeded, "has no receipt after");
}

TEST_F(DecideTest, SafetyHasThreeWords) {
  const Appended sold = shop_.Sell("1", "milk", 1);
  EXPECT_EQ(*client().SafetyOf(sold.intent_id), Safety::kRecorded);
  server().HoldFeed(true);
  shop_.Sync();
  EXPECT_EQ(*client().SafetyOf(sold.intent_id), Safety::kReceived);
  server().HoldFeed(false);
  shop_.Run();
  EXPECT_EQ(*client().SafetyOf(sold.intent_id), Safety::kShown);
  const Appended clash = shop_.Sell("1", "clash", 1);
  shop_.Run();
  EXPECT_EQ(*client().SafetyOf(clash.intent_id), Safety::kReceived);
  ASSERT_TRUE(client().Resolve(Position(2), Verdict::kApply).ok());
  shop_.Run();
  EXPECT_EQ(*client().SafetyOf(clash.intent_id), Safety::kShown);
}

}  // namespace
}  // namespace intentlog
