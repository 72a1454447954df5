#include "client/sync/reconcile.h"

#include <map>

#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr uint64_t kCounts = 5;  // of the outboxes that are tried, all of them

// Which counts have a receipt, as a set of bits; what all of this must come to.
using Naive = std::map<uint64_t, uint64_t>;  // count → position

OutboxView View(uint32_t bits, uint64_t last, uint64_t pushed) {
  OutboxView view;
  view.last = view.synced = Count(last);
  view.pushed = Count(pushed);
  for (uint64_t count = 1; count <= last; ++count) {
    if (!(bits >> count & 1)) continue;
    Outcome outcome;
    outcome.first = Count(count);
    outcome.length = 1;
    AddOutcomes({outcome}, view);
  }
  return view;
}

bool Has(const OutboxView& view, uint64_t count) {
  if (count <= view.receipted.value()) return true;
  for (const CountRange& island : view.islands) {
    if (count >= island.first.value() && count <= island.last.value()) return true;
  }
  return false;
}

uint32_t Bits(const OutboxView& view) {
  uint32_t bits = 0;
  for (uint64_t count = 1; count <= view.last.value(); ++count) bits |= Has(view, count) << count;
  return bits;
}

ReceiptRun RunOf(uint64_t first, uint32_t length, uint64_t position, Decision decision = ACCEPTED) {
  ReceiptRun run;
  run.set_first_count(first);
  run.set_length(length);
  run.set_first_position(position);
  run.set_decision(decision);
  return run;
}

Header Own(uint64_t count, uint64_t position, Decision decision = ACCEPTED) {
  Header header;
  header.set_count(count);
  header.set_position(position);
  header.set_decision(decision);
  return header;
}

// Every outbox of up to five counts, every set of receipts in it.
template <class Visit>
void ForEachView(Visit visit) {
  for (uint64_t last = 0; last <= kCounts; ++last) {
    for (uint32_t bits = 0; bits < 2u << last; bits += 2) visit(View(bits, last, last), bits);
  }
}

TEST(ReconcileTest, AnOutboxHoldsWhatItWasTold) {
  ForEachView([](const OutboxView& view, uint32_t bits) {
    EXPECT_EQ(Bits(view), bits);
    EXPECT_FALSE(Has(view, view.receipted.value() + 1));
    for (size_t i = 0; i < view.islands.size(); ++i) {
      EXPECT_LE(view.islands[i].first, view.islands[i].last);
      const Count before = i == 0 ? view.receipted : view.islands[i - 1].last;
      EXPECT_GT(view.islands[i].first, before.Next());  // apart from what comes before
    }
  });
}

TEST(ReconcileTest, I8_EveryRunSettlesExactlyWhatWasNotSettled) {
  ForEachView([](const OutboxView& view, uint32_t bits) {
    for (uint64_t first = 1; first <= kCounts; ++first) {
      for (uint32_t length = 1; first + length - 1 <= kCounts; ++length) {
        Receipts receipts;
        *receipts.add_runs() = RunOf(first, length, first + 100);
        const auto outcomes = ReconcileReceipts(view, receipts);
        const bool gap = first > view.receipted.value() + 1;
        const bool unpushed = first + length - 1 > view.pushed.value();
        EXPECT_EQ(outcomes.ok(), !gap && !unpushed) << first << "+" << length << " on " << bits;
        if (!outcomes.ok()) continue;
        uint32_t now = bits;
        for (const Outcome& outcome : *outcomes) {
          for (uint64_t i = 0; i < outcome.length; ++i) {
            const uint64_t count = outcome.first.value() + i;
            EXPECT_FALSE(now >> count & 1) << "settled twice";
            EXPECT_EQ(outcome.position.value() + i, count + 100);
            now |= 1u << count;
          }
        }
        OutboxView after = view;
        AddOutcomes(*outcomes, after);
        EXPECT_EQ(Bits(after), now);
        uint32_t wanted = bits;
        for (uint64_t i = 0; i < length; ++i) wanted |= 1u << (first + i);
        EXPECT_EQ(now, wanted);
      }
    }
  });
}

TEST(ReconcileTest, I8_EverySetOfOwnEventsSettlesExactlyWhatWasNotSettled) {
  ForEachView([](const OutboxView& view, uint32_t bits) {
    for (uint32_t seen = 0; seen < 2u << kCounts; seen += 2) {
      std::vector<Header> own;
      for (uint64_t count = 1; count <= kCounts; ++count) {
        if (seen >> count & 1) own.push_back(Own(count, count + 100));
      }
      const auto outcomes = ReconcileFeed(view, own);
      ASSERT_TRUE(outcomes.ok()) << outcomes.status();
      OutboxView after = view;
      AddOutcomes(*outcomes, after);
      // Counts that this device never wrote are not its own (I31).
      const uint32_t written = (2u << view.last.value()) - 1;
      EXPECT_EQ(Bits(after), bits | (seen & written));
      for (const Outcome& outcome : *outcomes) {
        EXPECT_EQ(outcome.position.value(), outcome.first.value() + 100);
      }
    }
  });
}

TEST(ReconcileTest, I8_ReceiptsAndFeedInAnyOrderComeToTheSame) {
  for (uint32_t seen = 0; seen < 2u << kCounts; seen += 2) {
    OutboxView view = View(0, kCounts, kCounts);
    std::vector<Header> own;
    for (uint64_t count = 1; count <= kCounts; ++count) {
      if (seen >> count & 1) own.push_back(Own(count, count + 100));
    }
    AddOutcomes(*ReconcileFeed(view, own), view);
    Receipts receipts;
    *receipts.add_runs() = RunOf(1, kCounts, 101);
    AddOutcomes(*ReconcileReceipts(view, receipts), view);
    EXPECT_EQ(view.receipted, Count(kCounts));
    EXPECT_TRUE(view.islands.empty());
    EXPECT_TRUE(ReconcileReceipts(view, receipts)->empty());
    EXPECT_TRUE(ReconcileFeed(view, own)->empty());
  }
}

TEST(ReconcileTest, RunsFollowEachOtherAndKeepTheirDecisions) {
  Receipts receipts;
  *receipts.add_runs() = RunOf(1, 2, 70);
  *receipts.add_runs() = RunOf(3, 1, 75, REJECTED);
  receipts.mutable_runs(1)->mutable_reason()->set_field("quantity");
  *receipts.add_runs() = RunOf(4, 1, 80, PARKED);
  receipts.mutable_runs(2)->set_pointer(75);
  const auto outcomes = ReconcileReceipts(View(0, 5, 4), receipts);
  ASSERT_TRUE(outcomes.ok());
  ASSERT_EQ(outcomes->size(), 3u);
  EXPECT_EQ((*outcomes)[1].decision, REJECTED);
  EXPECT_EQ((*outcomes)[1].reason.field(), "quantity");
  EXPECT_EQ((*outcomes)[2].pointer, 75u);
}

TEST(ReconcileTest, WrongReceiptsAreNamed) {
  const OutboxView view = View(0b10, 4, 3);  // count 1 has its receipt
  const auto error = [&](std::vector<ReceiptRun> runs) {
    Receipts receipts;
    for (const ReceiptRun& run : runs) *receipts.add_runs() = run;
    const auto outcomes = ReconcileReceipts(view, receipts);
    EXPECT_TRUE(absl::IsInvalidArgument(outcomes.status())) << outcomes.status();
    return std::string(outcomes.status().message());
  };
  EXPECT_EQ(error({RunOf(4, 1, 80)}), "receipts: count 4 was never pushed; 3 is the last that was");
  EXPECT_EQ(error({RunOf(3, 1, 80)}), "receipts: counts 2 to 2 are left out");
  EXPECT_EQ(error({RunOf(2, 1, 80, DECISION_UNSPECIFIED)}), "receipts: count 2 has no decision");
  EXPECT_EQ(error({RunOf(2, 1, 0)}), "receipts: count 2 has no position");
  EXPECT_EQ(error({RunOf(2, 1, 80), RunOf(2, 1, 80)}), "receipts: count 2 is named twice");
  EXPECT_EQ(error({RunOf(0, 1, 80)}), "receipts: a run of 1 counts from 0 is no run");
  EXPECT_EQ(error({RunOf(2, 0, 80)}), "receipts: a run of 0 counts from 2 is no run");
  error({RunOf(UINT64_MAX, 4000000000u, 80)});
  error({RunOf(2, 1, UINT64_MAX)});
}

TEST(ReconcileTest, WrongFeedIsNamed) {
  const OutboxView view = View(0, 4, 4);
  EXPECT_FALSE(ReconcileFeed(view, {Own(1, 80), Own(2, 80)}).ok());
  EXPECT_FALSE(ReconcileFeed(view, {Own(2, 80), Own(1, 81)}).ok());
  EXPECT_FALSE(ReconcileFeed(view, {Own(1, 80, DECISION_UNSPECIFIED)}).ok());
  EXPECT_FALSE(ReconcileFeed(view, {Own(0, 80)}).ok());
}

TEST(ReconcileTest, OwnEventsThatFollowEachOtherAreOneOutcome) {
  const auto outcomes =
      ReconcileFeed(View(0, 5, 5), {Own(1, 80), Own(2, 81), Own(3, 90), Own(4, 91, CONFLICTED)});
  ASSERT_TRUE(outcomes.ok());
  ASSERT_EQ(outcomes->size(), 3u);
  EXPECT_EQ((*outcomes)[0].length, 2u);
}

TEST(ReconcileTest, I31_AServerThatHasMoreThanWasWrittenIsAhead) {
  const OutboxView view = View(0, 4, 0);
  EXPECT_EQ(CompareHighest(view, Count(4)), LogStanding::kInStep);
  EXPECT_EQ(CompareHighest(view, Count(5)), LogStanding::kServerAhead);
}

TEST(ReconcileTest, PushingBeginsWithTheFirstWithoutReceipt) {
  EXPECT_EQ(PushFrom(View(0b1010, 4, 4)), Count(2));
  EXPECT_EQ(PushFrom(View(0b11110, 4, 4)), Count(5));
}

}  // namespace
}  // namespace intentlog
