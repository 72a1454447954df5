// What a restored server, a power cut or a quota may take from an outbox.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/outbox/intent_reader.h"
#include "client/outbox/lost_runs.h"
#include "client/outbox/outbox_in_memory.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

class LoseTest : public OutboxInMemory {
 protected:
  LoseTest() { Reopen(); }

  void Reopen() { INTENTLOG_CHECK(TryOpen().ok()); }
  void Record(size_t intents, bool durable = true) {
    ASSERT_TRUE(TryRecord(intents, durable).ok());
  }
  void Settle(std::vector<Outcome> outcomes, std::vector<SettlementSeen> settlements = {}) {
    const absl::Status status = TrySettle(std::move(outcomes), std::move(settlements));
    EXPECT_TRUE(status.ok()) << status;
  }
  // To a server that has so many counts, and the same history through `shared`.
  absl::Status Lose(uint64_t highest, uint64_t shared,
                    const absl::Status& written = absl::OkStatus()) {
    LostReceipts lost;
    lost.shared = Position(shared);
    lost.highest[kPlainClass] = Count(highest);
    return TryLose(lost, written);
  }
};

class ToldTest : public LoseTest {
 protected:
  absl::Status LoseIn(const std::string& epoch, uint64_t highest) {
    LostReceipts lost;
    lost.epoch_id = epoch;
    lost.shared = Position(70);
    lost.highest[kPlainClass] = Count(highest);
    return TryLose(lost);
  }
  // What a push of the counts through `last` says of losses.
  std::string Told(int last) {
    Push push;
    push.set_first_count(1);
    for (int i = 0; i < last; ++i) push.add_intents();
    EXPECT_TRUE(AddLostRuns(*store_, kPlainClass, Count(0), push).ok());
    std::string text;
    for (const LostRun& run : push.lost()) {
      const bool kept = run.was_effective() && !IsEffective(run.decision());
      text += Cat(run.first_count(), "+", run.length(), " at ", run.first_position(), " ",
                  Decision_Name(run.decision()), kept ? ", was effective" : "", " in ",
                  run.epoch_id(), "; ");
    }
    return text;
  }
};

// What a person decided stands: count 4.
TEST_F(ToldTest, I30_WhatTookEffectAndCameBackOpenIsToldSoAfterAnotherLoss) {
  Record(5);
  Settle({Decided(1, 4, 71, ACCEPTED), Decided(5, 1, 75, CONFLICTED)});
  ASSERT_TRUE(LoseIn("A", 0).ok());
  Settle({Decided(1, 1, 81, CONFLICTED), Decided(2, 1, 82, PARKED), Decided(3, 1, 83, MERGED),
          Decided(4, 2, 84, CONFLICTED)});
  SettlementSeen settlement = Closing(84, 91, REJECTED);
  settlement.resolved = true;
  Settle({}, {settlement});
  ASSERT_TRUE(LoseIn("B", 0).ok());
  EXPECT_EQ(Told(5),
            "1+1 at 81 CONFLICTED, was effective in B; 2+1 at 82 PARKED, was effective in B; "
            "3+1 at 83 MERGED in B; 4+1 at 84 REJECTED in B; 5+1 at 85 CONFLICTED in B; ");
  Settle({Decided(1, 5, 90, PARKED)});
  ASSERT_TRUE(LoseIn("C", 0).ok());
  EXPECT_EQ(Told(5), "1+3 at 90 PARKED, was effective in C; 4+2 at 93 PARKED in C; ");
}

TEST_F(ToldTest, I30_WhatIsLostIsToldAsItWasLastSettled) {
  Record(1);
  Record(4);
  Settle({Decided(1, 1, 70, ACCEPTED), Decided(2, 3, 71, PARKED), Decided(5, 1, 74, ACCEPTED)});
  Settle({}, {Closing(72, 91, ACCEPTED)});
  ASSERT_TRUE(LoseIn("A", 1).ok());
  EXPECT_EQ(outbox_->counts().synced, 1);
  EXPECT_EQ(outbox_->counts().pending, 4);
  EXPECT_EQ(Told(5),
            "2+1 at 71 PARKED in A; 3+1 at 72 ACCEPTED in A; 4+1 at 73 PARKED in A; "
            "5+1 at 74 ACCEPTED in A; ");
  // A second loss takes the place of the first where there was a receipt again.
  Settle({Decided(2, 2, 80, ACCEPTED)});
  ASSERT_TRUE(LoseIn("B", 1).ok());
  EXPECT_EQ(Told(5), "2+2 at 80 ACCEPTED in B; 4+1 at 73 PARKED in A; 5+1 at 74 ACCEPTED in A; ");
  Settle({Decided(2, 4, 90, MERGED)});
  ASSERT_TRUE(LoseIn("C", 1).ok());
  EXPECT_EQ(Told(5), "2+4 at 90 MERGED in C; ");
}

TEST_F(LoseTest, I30_ReceiptsAreOfASharedHistoryThroughACount) {
  Record(6);
  const auto within = [&](uint64_t shared) {
    return outbox_->ReceiptedWithin(kPlainClass, Position(shared))->value();
  };
  EXPECT_EQ(within(5), UINT64_MAX);
  Settle({Decided(1, 2, 70, ACCEPTED), Decided(3, 3, 80, ACCEPTED)});
  EXPECT_EQ(within(82), UINT64_MAX);
  EXPECT_EQ(within(81), 4);
  EXPECT_EQ(within(79), 2);
  EXPECT_EQ(within(70), 1);
  EXPECT_EQ(within(5), 0);
}

TEST_F(LoseTest, I1_OnAFullDiskWhatAPowerCutMayTakeIsNotSynced) {
  Record(1, /*durable=*/false);
  Close();
  disk_.SetFull("till", true);
  Reopen();
  EXPECT_EQ(outbox_->view(kPlainClass).last, Count(1));
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(0));
  Close();
  disk_.SetFull("till", false);
  Reopen();
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(1));
}

TEST_F(LoseTest, I16_ASettlementThatIsLostOpensAgainWhatItClosed) {
  Record(4);
  Settle({Decided(1, 1, 70, CONFLICTED), Decided(2, 1, 71, PARKED), Decided(3, 1, 72, REJECTED),
          Decided(4, 1, 73, PARKED)});
  Settle({}, {Closing(70, 91, ACCEPTED), Closing(71, 92, REJECTED), Closing(72, 93, ACCEPTED),
              Closing(73, 80, ACCEPTED)});
  ASSERT_EQ(outbox_->counts().synced, 3u);
  ASSERT_EQ(outbox_->counts().failed, 1u);
  ASSERT_TRUE(Lose(4, 80).ok());  // what was settled at 80 is known there
  for (const bool again : {false, true}) {
    if (again) Reopen();
    const OutboxCounts counts = outbox_->counts();
    EXPECT_EQ(counts.conflicted, 1u);
    EXPECT_EQ(counts.parked, 1u);
    EXPECT_EQ(counts.failed, 1u);
    EXPECT_EQ(counts.synced, 1u);
    const auto lane = ReadLane(*store_, "order", "1");
    EXPECT_EQ(lane->conflicted(), 1u);
    EXPECT_EQ(lane->parked(), 1u);
    EXPECT_EQ(lane->failed(), 1u);
  }
  // The server settles it anew.
  Settle({}, {Closing(70, 91, ACCEPTED)});
  EXPECT_EQ(outbox_->counts().synced, 2u);
}

TEST_F(LoseTest, I30_EachKindOfReceiptThatIsLostIsPendingAgain) {
  Record(4);
  Settle({Decided(1, 1, 70, ACCEPTED), Decided(2, 1, 71, CONFLICTED), Decided(3, 1, 72, REJECTED),
          Decided(4, 1, 73, PARKED)});
  ASSERT_TRUE(Lose(0, 0).ok());
  for (const bool again : {false, true}) {
    if (again) Reopen();
    EXPECT_EQ(outbox_->counts().pending, 4u);
    EXPECT_EQ(outbox_->counts().conflicted + outbox_->counts().failed, 0u);
    EXPECT_EQ(ReadLane(*store_, "order", "1")->pending(), 4u);
    EXPECT_EQ(outbox_->view(kPlainClass).receipted, Count(0));
  }
}

TEST_F(LoseTest, I6_WhereALossCannotBeWrittenNothingIsLostAndTheDiskSaysWhatFollows) {
  Record(2);
  Settle({Decided(1, 2, 70, ACCEPTED)});
  EXPECT_TRUE(
      absl::IsResourceExhausted(Lose(0, 0, absl::ResourceExhaustedError("the disk is full"))));
  EXPECT_EQ(outbox_->counts().synced, 2u);
  Record(1);  // goes on
  EXPECT_TRUE(absl::IsUnavailable(Lose(0, 0, absl::UnavailableError("disk gone"))));
  EXPECT_EQ(outbox_->failed().message(), "disk gone");
  Reopen();
  EXPECT_EQ(outbox_->counts().synced, 2u);
  EXPECT_EQ(outbox_->counts().pending, 1u);
}

TEST_F(LoseTest, I31_ALogThatWasContinuedForNothingIsTheOneBeforeAgain) {
  Record(1);
  Record(2);
  Record(1);
  Settle({Decided(1, 2, 70, ACCEPTED)});
  const auto pushed = [&](uint64_t from, uint64_t before) {
    Push push;
    EXPECT_TRUE(IntentReader(*store_, kPlainClass)
                    .FillPush(Count(from), Count(4), 1, Count(before), &push)
                    .ok());
    return push.SerializeAsString();
  };
  const std::string third = pushed(2, 0);
  const std::string fourth = pushed(4, 0);
  const auto commit = [&](const Outbox::Moving&, StoreBatch& batch) {
    return store_->Commit(batch, Sync::kDurable);
  };
  ASSERT_TRUE(outbox_->Continue(kPlainClass, Count(3), commit).ok());
  EXPECT_NE(pushed(4, 0), fourth);
  const auto full = [](const auto&, StoreBatch&) {
    return absl::ResourceExhaustedError("the disk is full");
  };
  EXPECT_FALSE(outbox_->GoBack(kPlainClass, Count(3), full).ok());
  EXPECT_NE(pushed(4, 0), fourth);
  ASSERT_TRUE(outbox_->GoBack(kPlainClass, Count(3), commit).ok());
  for (const bool again : {false, true}) {
    if (again) Reopen();
    EXPECT_EQ(pushed(4, 0), fourth);
  }
  Record(1);
  EXPECT_EQ(outbox_->view(kPlainClass).last, Count(5));
}

// The server follows the hashes of what was pushed, and refuses what does not follow.
TEST_F(LoseTest, I31_NoHashStaysBehindTheLastIntentWhereALogComesApartEarlier) {
  const auto commit = [&](const Outbox::Moving&, StoreBatch& batch) {
    return store_->Commit(batch, Sync::kDurable);
  };
  for (int i = 0; i < 3; ++i) Record(1);
  Settle({Decided(1, 3, 70, ACCEPTED)});
  ASSERT_TRUE(outbox_->Continue(kPlainClass, Count(4), commit).ok());  // nothing moves
  ASSERT_TRUE(outbox_->GoBack(kPlainClass, Count(4), commit).ok());
  ASSERT_TRUE(Lose(1, 70).ok());
  ASSERT_TRUE(outbox_->Continue(kPlainClass, Count(2), commit).ok());
  Record(1);
  IntentReader reader(*store_, kPlainClass);
  ChainValue hash = {};
  for (const uint64_t count : {2, 3}) {
    const auto at = reader.Find(Count(count));
    ASSERT_TRUE(at.ok()) << at.status();
    at->row.ForEach([&](uint32_t, std::string_view intent) { hash = NextLogHash(hash, intent); });
  }
  Push push;
  ASSERT_TRUE(reader.FillPush(Count(4), Count(4), 1000, Count(1), &push).ok());
  EXPECT_EQ(push.hash_before(), Bytes(hash));
}

// ---- what is trimmed

TEST_F(LoseTest, I1_WhatIsTrimmedIsSafeAndFromTheFrontAndItsIdsStayKnown) {
  Record(3);
  Record(1);
  Record(1);
  Record(1);
  Settle({Decided(1, 3, 70, ACCEPTED), Decided(4, 1, 73, PARKED), Decided(5, 2, 74, ACCEPTED)});
  const uint64_t before = outbox_->log_bytes();
  const auto all = [](const auto&, const auto&) { return true; };
  const auto none = [](const auto&, const auto&) { return false; };
  EXPECT_EQ(*outbox_->Trim(kPlainClass, 1 << 20, none), 0u);
  const uint64_t went = *outbox_->Trim(kPlainClass, 1 << 20, all);  // as far as what is open
  EXPECT_GT(went, 0u);
  for (const bool again : {false, true}) {
    if (again) Reopen();
    EXPECT_EQ(outbox_->log_bytes(), before - went);
    EXPECT_EQ(IntentReader(*store_, kPlainClass).First()->value(), 4u);
    for (char id = 1; id <= 6; ++id) {
      EXPECT_EQ(outbox_->Find(IdOf(id))->count, Count(static_cast<uint64_t>(id)));
    }
    EXPECT_EQ(outbox_->counts().recorded, 6u);
  }
  Settle({}, {Closing(73, 90, ACCEPTED)});
  EXPECT_GT(*outbox_->Trim(kPlainClass, 1, all), 0u);  // whole appends, though less was asked for
  EXPECT_EQ(IntentReader(*store_, kPlainClass).First()->value(), 5u);
  ASSERT_GT(*outbox_->Trim(kPlainClass, 1 << 20, all), 0u);
  EXPECT_EQ(IntentReader(*store_, kPlainClass).First()->value(), 6u);  // the last append stays
  EXPECT_EQ(*outbox_->Trim(kPlainClass, 1 << 20, all), 0u);
}

TEST_F(LoseTest, I30_WhatIsTrimmedKeepsItsReceiptsWhateverTheServerLost) {
  Record(1);
  Record(1);
  Record(1);
  Settle({Decided(1, 3, 70, ACCEPTED)});
  ASSERT_GT(*outbox_->Trim(kPlainClass, 1, [](const auto&, const auto&) { return true; }), 0u);
  ASSERT_TRUE(Lose(0, 0).ok());
  EXPECT_EQ(outbox_->view(kPlainClass).receipted, Count(1));
  EXPECT_EQ(outbox_->counts().synced, 1u);
  EXPECT_EQ(outbox_->counts().pending, 2u);
}

TEST_F(LoseTest, I6_WhereATrimCannotBeWrittenEverythingIsThere) {
  Record(1);
  Record(1);
  Settle({Decided(1, 2, 70, ACCEPTED)});
  const uint64_t before = outbox_->log_bytes();
  disk_.OnWrite([](const std::string&, Sync) { return WriteFate::kFails; });
  EXPECT_FALSE(outbox_->Trim(kPlainClass, 1, [](const auto&, const auto&) { return true; }).ok());
  EXPECT_FALSE(outbox_->failed().ok());
  disk_.OnWrite(nullptr);
  Reopen();
  EXPECT_EQ(outbox_->log_bytes(), before);
  EXPECT_EQ(IntentReader(*store_, kPlainClass).First()->value(), 1u);
}

}  // namespace
}  // namespace intentlog
