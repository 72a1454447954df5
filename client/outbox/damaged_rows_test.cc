// What an outbox says of rows that somebody wrote wrongly or took away: DATA_LOSS, and which it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/outbox/lost_runs.h"
#include "client/outbox/outbox_in_memory.h"
#include "client/outbox/pending.h"
#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

// A device log of three intents about one order: one that is alone, and a batch of two.
class DamagedRowsTest : public OutboxInMemory {
 protected:
  DamagedRowsTest() {
    INTENTLOG_CHECK(TryOpen().ok());
    Record(1);
    Record(2);
  }

  static std::string TextOf(const absl::Status& status) {
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    return std::string(status.message());
  }
  std::string Reopened() { return TextOf(TryOpen()); }
  std::string Record(size_t intents) { return TextOf(TryRecord(intents)); }
  std::string Settle(std::vector<Outcome> outcomes, std::vector<SettlementSeen> settlements = {}) {
    return TextOf(TrySettle(std::move(outcomes), std::move(settlements)));
  }
  static SettlementSeen Closing(uint64_t of) { return OutboxInMemory::Closing(of, 90, ACCEPTED); }
  std::string Lose() { return TextOf(TryLose(LostReceipts())); }

  void Put(Space space, const std::string& key, const std::string& value) {
    StoreBatch batch;
    batch.Put(space, key, value);
    INTENTLOG_CHECK(store_->Commit(batch, Sync::kDurable).ok());
  }
  void Take(Space space, const std::string& key) {
    StoreBatch batch;
    batch.Delete(space, key);
    INTENTLOG_CHECK(store_->Commit(batch, Sync::kDurable).ok());
  }
  std::string Pushed() {
    Push push;
    return TextOf(IntentReader(*store_, kPlainClass)
                      .FillPush(Count(1), outbox_->view(kPlainClass).last, 1 << 20, Count(), &push)
                      .status());
  }
  std::string Told() {
    Push push;
    push.set_first_count(1);
    push.add_intents();
    return TextOf(AddLostRuns(*store_, kPlainClass, Count(0), push));
  }
  std::string OutcomeText(uint64_t count) const {
    return TextOf(OutcomeOf(*store_, kPlainClass, Count(count)).status());
  }
};

TEST_F(DamagedRowsTest, I5_AnAppendThatDoesNotParseIsNamed) {
  const std::string key = CountKey('i', kPlainClass, Count(2));
  std::string row;
  ASSERT_TRUE(*store_->Get(Space::kLog, key, &row));
  std::string none = row;
  none[0] = 0;  // so many intents
  std::string shorter = row;
  --shorter[44];  // the first one's length
  Put(Space::kLog, key, row.substr(0, 10));
  EXPECT_THAT(Pushed(), HasSubstr("device log, count 2: "));
  EXPECT_THAT(Reopened(), HasSubstr("device log, count 2: "));
  EXPECT_THAT(Reopened(), HasSubstr("an append row is too short"));
  Put(Space::kLog, key, none);
  EXPECT_THAT(Reopened(), HasSubstr("an append row has a wrong size"));
  Put(Space::kLog, key, shorter);
  EXPECT_THAT(Reopened(), HasSubstr("an append row has wrong lengths"));
  Put(Space::kLog, key, row);
  EXPECT_EQ(Reopened(), "");
}

TEST_F(DamagedRowsTest, I3_ACountThatIsMissingIsNamedAndNothingIsPushedOverTheHole) {
  Record(1);
  Take(Space::kLog, CountKey('i', kPlainClass, Count(2)));
  EXPECT_EQ(Reopened(), "");
  EXPECT_THAT(Pushed(), HasSubstr("count 2 is missing"));
  EXPECT_THAT(Settle({Decided(1, 4, 70, ACCEPTED)}), HasSubstr("count 2 is missing"));
  EXPECT_EQ(Reopened(), "");
  const auto commit = [](const auto&, StoreBatch&) { return absl::OkStatus(); };
  EXPECT_THAT(TextOf(outbox_->Continue(kPlainClass, Count(1), commit)),
              HasSubstr("count 2 is missing"));
  IntentReader reader(*store_, kPlainClass);
  EXPECT_TRUE(absl::IsNotFound(reader.Get(Count(2)).status()));
  EXPECT_TRUE(absl::IsNotFound(reader.Get(Count(5)).status()));
}

TEST_F(DamagedRowsTest, I5_AHashThatDoesNotParseIsNamed) {
  Put(Space::kIndex, CountKey('h', kPlainClass, Count(2)), "short");
  EXPECT_THAT(Reopened(), HasSubstr("the hash before count 2 does not parse"));
}

TEST_F(DamagedRowsTest, I5_CountsThatContradictTheLogAreNotTaken) {
  Put(Space::kMeta, ClassKey("counts", kPlainClass), "short");
  EXPECT_THAT(Reopened(), HasSubstr("till: the counts of the device log do not parse"));
  ReceiptCounts counts;
  counts.prefix = 9;
  Put(Space::kMeta, ClassKey("counts", kPlainClass), ReceiptCountsBytes(counts));
  EXPECT_THAT(Reopened(),
              HasSubstr("till: the server knows count 9 of this device log, which ends at 3"));
}

TEST_F(DamagedRowsTest, I5_ReceiptsThatDoNotParseAreNamedByWhoeverReadsThem) {
  ASSERT_EQ(Settle({Decided(1, 1, 70, REJECTED)}), "");
  const std::string key = CountKey('p', kPlainClass, Count(1));
  std::string row;
  ASSERT_TRUE(*store_->Get(Space::kIndex, key, &row));
  Put(Space::kIndex, key, "\xff");
  EXPECT_THAT(OutcomeText(1), HasSubstr("receipts at count 1 do not parse"));
  EXPECT_THAT(TextOf(outbox_->ReceiptedWithin(kPlainClass, Position(5)).status()),
              HasSubstr("receipts at count 1 do not parse"));
  Take(Space::kIndex, PositionKey('o', Position(70)));  // as earlier versions left it
  EXPECT_THAT(Settle({}, {Closing(70)}), HasSubstr("receipts at count 1 do not parse"));
  EXPECT_THAT(Record(1), HasSubstr("receipts at count 1 do not parse"));  // it failed for good
  ASSERT_EQ(Reopened(), "");
  EXPECT_THAT(Lose(), HasSubstr("receipts at count 1 do not parse"));
  Put(Space::kIndex, key, row);
  Put(Space::kIndex, CountKey('p', kPlainClass, Count(3)), "\xff");  // above the prefix
  EXPECT_THAT(Reopened(), HasSubstr("till: receipts at count 3 do not parse"));
}

TEST_F(DamagedRowsTest, I16_ASettlementThatDoesNotParseIsNamed) {
  ASSERT_EQ(Settle({Decided(1, 1, 70, PARKED)}), "");
  Put(Space::kIndex, CountKey('s', kPlainClass, Count(1)), "\xff");
  EXPECT_THAT(OutcomeText(1), HasSubstr("the settlement of count 1 does not parse"));
  Put(Space::kIndex, PositionKey('t', Position(71)), "\xff");  // came before its receipt
  EXPECT_THAT(Settle({Decided(2, 2, 71, PARKED)}),
              HasSubstr("the settlement of position 71 does not parse"));
  ASSERT_EQ(Reopened(), "");
  EXPECT_EQ(outbox_->view(kPlainClass).receipted, Count(1));
}

TEST_F(DamagedRowsTest, I5_AnOpenIntentThatDoesNotParseIsNamed) {
  ASSERT_EQ(Settle({Decided(1, 1, 70, PARKED)}), "");
  Put(Space::kIndex, PositionKey('o', Position(70)), "short");
  EXPECT_THAT(TextOf(outbox_->OpenScopes().status()),
              HasSubstr("till: an open intent does not parse"));
  EXPECT_THAT(TextOf(FindOldestPending(*outbox_).status()),
              HasSubstr("an open intent does not parse"));
  EXPECT_THAT(Settle({}, {Closing(70)}), HasSubstr("the open intent at 70 does not parse"));
}

TEST_F(DamagedRowsTest, I5_ALaneThatDoesNotParseIsNamedAndNothingOfTheWriteIsThere) {
  Put(Space::kIndex, LaneKey("order", "1"), "\xff");
  EXPECT_THAT(TextOf(ReadLane(*store_, "order", "1").status()), HasSubstr("the state of lane"));
  ASSERT_EQ(Reopened(), "");
  EXPECT_THAT(Record(1), HasSubstr("the state of lane"));
  ASSERT_EQ(Reopened(), "");
  EXPECT_EQ(outbox_->view(kPlainClass).last, Count(3));
}

TEST_F(DamagedRowsTest, I2_ThePlaceOfAnIntentThatDoesNotParseIsNamed) {
  Put(Space::kIndex, GivenIdKey(IdOf(1)), "short");
  EXPECT_THAT(TextOf(outbox_->Find(IdOf(1)).status()), HasSubstr("does not parse"));
  LogPlace place;
  place.priority = kClasses;  // of no log
  Put(Space::kIndex, GivenIdKey(IdOf(1)), PlaceBytes(place));
  EXPECT_THAT(TextOf(outbox_->Find(IdOf(1)).status()), HasSubstr("the place of intent "));
  Put(Space::kIndex, MadeIdKey(IdOf(2)), "short");
  EXPECT_THAT(TextOf(outbox_->Find(IdOf(3)).status()),
              HasSubstr("a range of intent ids does not parse"));
  EXPECT_THAT(Reopened(), HasSubstr("till: a range of intent ids does not parse"));
}

TEST_F(DamagedRowsTest, I30_ALostRunThatDoesNotParseIsNamed) {
  ASSERT_EQ(Settle({Decided(1, 3, 70, ACCEPTED)}), "");
  Put(Space::kIndex, CountKey('w', kPlainClass, Count(1)), "\xff");
  EXPECT_THAT(Told(), HasSubstr("the lost run at count 1 does not parse"));
  EXPECT_THAT(Lose(), HasSubstr("the lost run at count 1 does not parse"));
  ASSERT_EQ(Reopened(), "");
  EXPECT_EQ(outbox_->counts().synced, 3u);  // nothing is lost by it
}

}  // namespace
}  // namespace intentlog
