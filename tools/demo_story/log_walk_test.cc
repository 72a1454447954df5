#include "tools/demo_story/log_walk.h"

#include <gtest/gtest.h>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

Header Event(const std::string& log, uint64_t count, Decision decision) {
  Header header;
  header.set_log_id(log);
  header.set_count(count);
  header.set_decision(decision);
  return header;
}

TEST(LogWalk, I8_ExactlyOnceIsCountedPerDeviceLog) {
  LogWalk walk;
  walk.Add(Event("a", 1, ACCEPTED));
  walk.Add(Event("a", 2, MERGED));
  walk.Add(Event("b", 1, CONFLICTED));
  walk.Add(Event("a", 2, ACCEPTED));
  walk.Add(Event("a", 4, ACCEPTED));
  EXPECT_EQ(walk.events(), 5u);
  EXPECT_EQ(walk.decided(ACCEPTED), 3u);
  EXPECT_EQ(walk.decided(CONFLICTED), 1u);
  EXPECT_EQ(walk.Lost(Hex("a"), 4), 1u);
  EXPECT_EQ(walk.Lost(Hex("a"), 6), 3u);
  EXPECT_EQ(walk.Doubled(Hex("a")), 1u);
  EXPECT_EQ(walk.Lost(Hex("b"), 1), 0u);
  EXPECT_EQ(walk.Lost(Hex("nobody"), 2), 2u);
}

TEST(LogWalk, ASettlementIsNoFirstDecision) {
  LogWalk walk;
  walk.Add(Event("a", 1, CONFLICTED));
  Header settlement = Event("server", 1, ACCEPTED);
  settlement.set_settlement_of(1);
  walk.Add(settlement);
  EXPECT_EQ(walk.settlements(), 1u);
  EXPECT_EQ(walk.decided(ACCEPTED), 0u);
}

}  // namespace
}  // namespace intentlog
