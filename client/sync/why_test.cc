// Every pending intent has exactly one reason: all combinations of what a syncer does, what holds a
// log, and what the server said.
#include "client/sync/why.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

constexpr Hold kHolds[] = {Hold::kNone,    Hold::kNoNetwork, Hold::kManual,    Hold::kDataSaver,
                           Hold::kMetered, Hold::kBattery,   Hold::kBackground};

SyncState StateOf(SyncState::Reason reason, Hold hold, bool forked) {
  SyncState state;
  state.reason = reason;
  state.reason_text = "of the device";
  state.since = absl::Hours(2);
  state.logs[2].hold = hold;
  state.logs[2].hold_text = "of the log";
  state.logs[2].since = absl::Hours(3);
  state.logs[2].forked = forked;
  state.logs[2].attempts = 7;
  return state;
}

TEST(WhyTest, WhatHasNoReceiptHasOneReasonInEveryState) {
  std::set<BlockedBy::Kind> kinds;
  for (int reason = 0; reason < kSyncReasons; ++reason) {
    for (const Hold hold : kHolds) {
      for (const bool forked : {false, true}) {
        for (PriorityClass priority = 0; priority < kClasses; ++priority) {
          const SyncState state = StateOf(static_cast<SyncState::Reason>(reason), hold, forked);
          const BlockedBy blocked = WhyUndecided(state, priority, absl::Hours(5));
          EXPECT_NE(blocked.kind, BlockedBy::kNothing);
          EXPECT_NE(BlockedWord(blocked.kind), "nothing");
          EXPECT_FALSE(blocked.text.empty());
          EXPECT_GT(blocked.age, absl::ZeroDuration());
          kinds.insert(blocked.kind);
        }
      }
    }
  }
  // All but those of what the server has, and the one that is reserved.
  EXPECT_EQ(kinds.size(), static_cast<size_t>(kBlockedKinds - 5));
}

TEST(WhyTest, TheFolderComesFirstThenTheForkThenThePolicyThenTheConnection) {
  using Reason = SyncState::Reason;
  const auto why = [](Reason reason, Hold hold, bool forked) {
    return WhyUndecided(StateOf(reason, hold, forked), 2, absl::Hours(5)).kind;
  };
  EXPECT_EQ(why(Reason::kFailed, Hold::kMetered, true), BlockedBy::kStoreFailed);
  EXPECT_EQ(why(Reason::kStopped, Hold::kMetered, true), BlockedBy::kSyncStopped);
  EXPECT_EQ(why(Reason::kNone, Hold::kMetered, true), BlockedBy::kForked);
  EXPECT_EQ(why(Reason::kNone, Hold::kMetered, false), BlockedBy::kMetered);
  EXPECT_EQ(why(Reason::kBackOff, Hold::kBattery, false), BlockedBy::kBattery);
  EXPECT_EQ(why(Reason::kHeld, Hold::kNoNetwork, false), BlockedBy::kOffline);
  EXPECT_EQ(why(Reason::kBackOff, Hold::kNone, false), BlockedBy::kBackOff);
  EXPECT_EQ(why(Reason::kNone, Hold::kNone, false), BlockedBy::kSending);
}

TEST(WhyTest, AnotherLogsHoldIsNotThisOnes) {
  const SyncState state = StateOf(SyncState::Reason::kNone, Hold::kMetered, false);
  EXPECT_EQ(WhyUndecided(state, 0, absl::Hours(5)).kind, BlockedBy::kSending);
  const BlockedBy photo = WhyUndecided(state, 2, absl::Hours(5));
  EXPECT_EQ(photo.text, "of the log");
  EXPECT_EQ(photo.age, absl::Hours(2));
  EXPECT_EQ(photo.attempts, 7u);
}

TEST(WhyTest, WhatIsParkedHasOneReasonWhateverItWaitsFor) {
  for (int code = 0; code < Reason::Code_ARRAYSIZE; ++code) {
    for (int decision = -1; decision < Decision_ARRAYSIZE; ++decision) {
      for (const uint64_t pointer : {0, 70}) {
        IntentOutcome outcome;
        outcome.position = Position(71);
        outcome.decision = PARKED;
        outcome.reason.set_code(static_cast<Reason::Code>(code));
        outcome.pointer = pointer;
        BehindEvent behind;
        if (decision >= 0) behind.decision = static_cast<Decision>(decision);
        const BlockedBy blocked = WhyParked(outcome, behind);
        const bool schema = code == Reason::UNKNOWN_TYPE || code == Reason::NEWER_SCHEMA;
        EXPECT_EQ(blocked.kind, schema                   ? BlockedBy::kSchemaTooOld
                                : decision == CONFLICTED ? BlockedBy::kAwaitingReview
                                                         : BlockedBy::kParked);
        EXPECT_THAT(blocked.text, HasSubstr("position 71"));
      }
    }
  }
}

TEST(WhyTest, WhatIsParkedNamesWhatItWaitsBehind) {
  IntentOutcome outcome;
  outcome.position = Position(71);
  outcome.decision = PARKED;
  outcome.pointer = 70;
  const BlockedBy review = WhyParked(outcome, {CONFLICTED, {"order", "581482"}});
  EXPECT_THAT(review.text, HasSubstr("about position 70 (order/581482) first"));
  EXPECT_EQ(review.behind, Position(70));
  EXPECT_EQ(review.behind_entity.id, "581482");
  EXPECT_THAT(WhyParked(outcome, {REJECTED, {}}).text, HasSubstr("amend or dismiss"));
}

}  // namespace
}  // namespace intentlog
