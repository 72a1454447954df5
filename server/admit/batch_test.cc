#include "server/admit/batch.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

Verdict Of(Decision decision, Reason::Code code = Reason::CODE_UNSPECIFIED) {
  Verdict verdict;
  verdict.decision = decision;
  verdict.reason.set_code(code);
  return verdict;
}

Verdict DuplicateOf(uint64_t position, bool whole_batch = false) {
  Verdict verdict = Of(DUPLICATE, Reason::SAME_CONTENT);
  verdict.duplicate_of = position;
  verdict.reason.set_other_position(position);
  verdict.whole_batch = whole_batch;
  return verdict;
}

std::vector<Verdict> Decided(std::vector<Verdict> members) {
  DecideAsOne(absl::MakeSpan(members));
  return members;
}

TEST(BatchTest, I4_ABatchHasTheDecisionOfItsStrictestMember) {
  const std::vector<Decision> ascending = {ACCEPTED, MERGED, PARKED, CONFLICTED, REJECTED};
  for (size_t worst = 0; worst < ascending.size(); ++worst) {
    std::vector<Verdict> members;
    for (size_t i = 0; i <= worst; ++i) {
      members.push_back(Of(ascending[i]));
      if (ascending[i] == PARKED) members[i].behind = 77;
    }
    members = Decided(std::move(members));
    for (size_t i = 0; i <= worst; ++i) {
      EXPECT_EQ(members[i].decision, ascending[worst]);
      EXPECT_EQ(members[i].reason.code() == Reason::BATCH_MEMBER, i < worst);
      EXPECT_EQ(members[i].behind, ascending[worst] == PARKED ? 77u : 0u);
    }
  }
}

TEST(BatchTest, AnEmptyBatchIsNothing) { EXPECT_TRUE(Decided({}).empty()); }

TEST(BatchTest, ABatchOfDuplicatesIsADuplicateMemberByMember) {
  const auto members = Decided({DuplicateOf(5), DuplicateOf(9)});
  EXPECT_EQ(members[0].decision, DUPLICATE);
  EXPECT_EQ(members[1].decision, DUPLICATE);
  EXPECT_EQ(members[0].duplicate_of, 5u);
  EXPECT_EQ(members[1].duplicate_of, 9u);
  EXPECT_EQ(members[1].reason.code(), Reason::SAME_CONTENT);
}

TEST(BatchTest, ADuplicateAmongOthersIsSuspectedAndSoTheWholeBatchIsForAPerson) {
  for (const Decision other : {ACCEPTED, MERGED}) {
    const auto members = Decided({Of(other), DuplicateOf(9)});
    EXPECT_EQ(members[0].decision, CONFLICTED);
    EXPECT_EQ(members[0].reason.code(), Reason::BATCH_MEMBER);
    EXPECT_EQ(members[1].decision, CONFLICTED);
    EXPECT_EQ(members[1].reason.code(), Reason::SUSPECTED_DUPLICATE);
    EXPECT_EQ(members[1].reason.other_position(), 9u);
    EXPECT_THAT(members[1].reason.text(), HasSubstr("others of its batch are not"));
    EXPECT_EQ(members[1].duplicate_of, 0u);
  }
}

TEST(BatchTest, AStricterMemberDecidesForDuplicatesToo) {
  EXPECT_EQ(Decided({Of(REJECTED), DuplicateOf(9)})[1].decision, REJECTED);
  EXPECT_EQ(Decided({Of(CONFLICTED), DuplicateOf(9)})[1].duplicate_of, 0u);
  EXPECT_EQ(Decided({Of(PARKED), DuplicateOf(9)})[1].decision, PARKED);
}

TEST(BatchTest, AnEqualBatchIsADuplicateThoughItsMembersClashWithTheFirst) {
  const auto members =
      Decided({Of(MERGED), DuplicateOf(9, true), Of(CONFLICTED, Reason::CONCURRENT_CHANGE),
               Of(REJECTED, Reason::CONCURRENT_CHANGE)});
  for (size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(members[i].decision, DUPLICATE);
    EXPECT_EQ(members[i].duplicate_of, 8u + i);  // the one in its place
  }
  EXPECT_EQ(members[0].reason.code(), Reason::BATCH_MEMBER);
  EXPECT_EQ(members[1].reason.code(), Reason::SAME_CONTENT);
}

TEST(BatchTest, WhatIsWrongInItselfOrWaitsIsNoDuplicate) {
  EXPECT_EQ(Decided({DuplicateOf(9, true), Of(REJECTED, Reason::MALFORMED)})[0].decision, REJECTED);
  EXPECT_EQ(Decided({DuplicateOf(9, true), Of(PARKED, Reason::BEHIND_OPEN)})[0].decision, PARKED);
}

}  // namespace
}  // namespace intentlog
