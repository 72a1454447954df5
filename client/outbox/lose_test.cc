// What a restored server, or a power cut, may take from an outbox.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/outbox/lost_runs.h"
#include "client/outbox/outbox.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/memory_disk.h"

namespace intentlog {
namespace {

class LoseTest : public testing::Test {
 protected:
  LoseTest() { Open(); }
  ~LoseTest() override { Close(); }

  void Open() {
    StoreOptions options;
    options.role = "device";
    options.memory = &disk_;
    auto store = Store::Open("till", options);
    INTENTLOG_CHECK(store.ok());
    store_ = *std::move(store);
    auto outbox = Outbox::Open(*store_, clock_, OutboxOptions());
    INTENTLOG_CHECK(outbox.ok());
    outbox_ = *std::move(outbox);
  }
  void Close() {
    outbox_.reset();
    store_.reset();
  }
  // So many as one append, all about one order.
  void Record(size_t intents, bool durable = true) {
    std::vector<EncodedIntent> batch;
    while (batch.size() < intents) {
      Intent intent;
      intent.set_intent_id(std::string(15, 'i') + static_cast<char>(++made_));
      intent.set_type("t");
      intent.set_entity_type("order");
      intent.set_entity_id("1");
      intent.set_scope("shop");
      batch.push_back({IntentId::FromBytes(intent.intent_id()),
                       false,
                       {"order", "1"},
                       intent.SerializeAsString()});
    }
    ASSERT_TRUE(outbox_->Append(batch, durable).ok());
  }
  static Outcome Decided(uint64_t first, uint32_t length, uint64_t position, Decision decision) {
    Outcome outcome;
    outcome.first = Count(first);
    outcome.length = length;
    outcome.position = Position(position);
    outcome.decision = decision;
    return outcome;
  }
  void Settle(std::vector<Outcome> outcomes, std::vector<SettlementSeen> settlements = {}) {
    StoreBatch batch;
    Settled settled;
    const auto commit = [&](StoreBatch& whole) { return store_->Commit(whole, Sync::kBuffered); };
    const absl::Status status =
        outbox_->Settle({std::move(outcomes), std::move(settlements)}, batch, commit, &settled);
    EXPECT_TRUE(status.ok()) << status;
  }

  MemoryDisk disk_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Outbox> outbox_;
  char made_ = 0;
};

TEST_F(LoseTest, I30_WhatIsLostIsToldAsItWasLastSettled) {
  Record(1);
  Record(4);
  Settle({Decided(1, 1, 70, ACCEPTED), Decided(2, 3, 71, PARKED), Decided(5, 1, 74, ACCEPTED)});
  SettlementSeen settlement;
  settlement.of = Position(72);
  settlement.position = Position(91);
  settlement.decision = ACCEPTED;
  settlement.entity = {"order", "1"};
  Settle({}, {settlement});
  const auto lose = [&](uint64_t highest, const std::string& epoch) {
    LostReceipts lost;
    lost.epoch_id = epoch;
    lost.shared = Position(70);
    lost.highest[kPlainClass] = Count(highest);
    StoreBatch batch;
    return outbox_->Lose(lost, batch,
                         [&](StoreBatch& all) { return store_->Commit(all, Sync::kDurable); });
  };
  const auto told = [&] {
    Push push;
    push.set_first_count(1);
    for (int i = 0; i < 5; ++i) push.add_intents();
    EXPECT_TRUE(AddLostRuns(*store_, kPlainClass, Count(0), push).ok());
    std::string text;
    for (const LostRun& run : push.lost()) {
      text += Cat(run.first_count(), "+", run.length(), " at ", run.first_position(), " ",
                  Decision_Name(run.decision()), " in ", run.epoch_id(), "; ");
    }
    return text;
  };
  ASSERT_TRUE(lose(1, "A").ok());
  EXPECT_EQ(outbox_->counts().synced, 1);
  EXPECT_EQ(outbox_->counts().pending, 4);
  EXPECT_EQ(told(),
            "2+1 at 71 PARKED in A; 3+1 at 72 ACCEPTED in A; 4+1 at 73 PARKED in A; "
            "5+1 at 74 ACCEPTED in A; ");
  // A second loss takes the place of the first where there was a receipt again.
  Settle({Decided(2, 2, 80, ACCEPTED)});
  ASSERT_TRUE(lose(1, "B").ok());
  EXPECT_EQ(told(), "2+2 at 80 ACCEPTED in B; 4+1 at 73 PARKED in A; 5+1 at 74 ACCEPTED in A; ");
  Settle({Decided(2, 4, 90, MERGED)});
  ASSERT_TRUE(lose(1, "C").ok());
  EXPECT_EQ(told(), "2+4 at 90 MERGED in C; ");
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
  Open();
  EXPECT_EQ(outbox_->view(kPlainClass).last, Count(1));
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(0));
  Close();
  disk_.SetFull("till", false);
  Open();
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(1));
}

}  // namespace
}  // namespace intentlog
