// Shows that the swarm finds bugs: each planted one (eventlog/runtime/planted.h) is hunted from
// seed 1 on, until a checker fails. The table that this prints is kept in tests/README.md.
//
// INTENTLOG_BUG=N hunts that one alone, INTENTLOG_SEEDS=N within N seeds.
#include "eventlog/runtime/planted.h"

#include <gtest/gtest.h>

#include <array>
#include <iomanip>

#include "tests/simulation/checkers.h"
#include "tests/simulation/runs.h"
#include "tests/simulation/swarm.h"

namespace intentlog::simulation {
namespace {

// A checker that can not fail proves nothing: here is a history that is wrong.
TEST(Canary, ACheckerFailsWhenOneIntentHasTwoPositions) {
  SeenEvent event;
  event.position = 1;
  event.intent_id = "one intent";
  event.header.set_log_id("a device log");
  event.header.set_count(1);
  const History history;
  const auto checkers = LogCheckers();
  for (const auto& checker : checkers) checker->OnEvent(history, event);
  std::string problems;
  for (const auto& checker : checkers) problems += checker->problems();
  EXPECT_EQ(problems, "");
  event.position = 2;
  for (const auto& checker : checkers) checker->OnEvent(history, event);
  for (const auto& checker : checkers) problems += checker->problems();
  EXPECT_NE(problems.find("I8ExactlyOnce"), std::string::npos);
  EXPECT_NE(problems.find("I10PrefixOrder"), std::string::npos);
}

#if defined(INTENTLOG_PLANTED_BUGS)

// gtest would give each shard a test of its own; here bugs are divided.
const bool kUndivided = unsetenv("GTEST_TOTAL_SHARDS") == 0 && unsetenv("GTEST_SHARD_INDEX") == 0;

// As in planted.h, in its order.
constexpr std::array kNames = {
    "none",
    "acknowledged before sync",
    "sync error ignored",
    "goes on after a failed write",
    "pushed before sync",
    "cursor first",
    "repeat not found",
    "reconcile drops the last",
    "settlement forgotten",
    "overlay drops what is receipted",
    "overlay keeps what is confirmed",
    "trims what is unsafe",
    "push cuts a batch",
    "waits by the wall clock",
    "lost scopes stay",
    "loss of a restored server ignored",
    "receipt before sync",
    "receipt before commit",
    "gap accepted",
    "old counts forgotten (window)",
    "counts forgotten on restart",
    "session not counted",
    "server time falls",
    "stores never opened again",
    "release forgotten",
    "released is overtaken",
    "unknown type rejected",
    "wait for schema forgotten",
    "history skips one",
    "live feed skips some",
    "checkpoint first",
    "poison blocks",
    "fork unseen",
    "log that went back unseen",
    "restored work is refused",
};
static_assert(kNames.size() == static_cast<size_t>(Bug::kCount));

// Every one is to be found within so many seeds.
constexpr uint64_t kSeedsMax = 1'000;

struct Caught {
  uint64_t seed = 0;  // 0: it was not
  std::string checker;
};

Caught Hunt(Bug bug, uint64_t seeds) {
  planted_bug = bug;
  Caught caught;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const std::string problems = RunSeed(seed).problems;
    if (problems.empty()) continue;
    caught = {seed, problems.substr(0, problems.find(':'))};
    break;
  }
  planted_bug = Bug::kNone;
  return caught;
}

TEST(Planted, EveryBugIsCaughtWithinSomeSeeds) {
  const uint64_t only = Setting("INTENTLOG_BUG", 0);
  const uint64_t shards = Setting("TEST_TOTAL_SHARDS", 1);
  const uint64_t shard = Setting("TEST_SHARD_INDEX", 0);
  const ScratchFolder scratch;
  uint64_t hunted = 0;
  uint64_t found = 0;
  for (uint64_t bug = 1; bug < kNames.size(); ++bug) {
    if (only != 0 ? bug != only : bug % shards != shard) continue;
    const Caught caught = Hunt(static_cast<Bug>(bug), Setting("INTENTLOG_SEEDS", kSeedsMax));
    ++hunted;
    if (caught.seed != 0) ++found;
    EXPECT_NE(caught.seed, 0u) << kNames[bug];
    std::cout << "| " << std::left << std::setw(32) << kNames[bug] << " | " << std::right
              << std::setw(4) << caught.seed << " | " << caught.checker << " |" << std::endl;
  }
  std::cout << "FIGURE planted bugs hunted: " << hunted << "\nFIGURE planted bugs caught: " << found
            << "\n";
}

#endif

}  // namespace
}  // namespace intentlog::simulation
