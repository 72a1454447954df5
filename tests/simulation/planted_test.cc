// Shows that the swarm finds bugs: each planted one (eventlog/runtime/planted.h) is hunted from
// seed 1 on, until a checker fails. The table that this prints is kept in tests/README.md.
//
// INTENTLOG_BUG=N hunts that one alone, INTENTLOG_SEEDS=N within N seeds.
#include "eventlog/runtime/planted.h"

#include <gtest/gtest.h>

#include <array>
#include <iomanip>
#include <string_view>

#include "tests/simulation/checkers.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/runs.h"
#include "tests/simulation/swarm.h"

#if defined(INTENTLOG_PLANTED_BUGS)
// AddressSanitizer asks: a fifth of the time would go into stacks of allocations.
extern "C" const char* __asan_default_options() { return "malloc_context_size=3"; }
#endif

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

// What must be in a plan for a bug to show: other seeds are passed over, which changes no result.
bool Any(const Plan&) { return true; }
bool WritesFail(const Plan& plan) { return plan.rates.write_fails > 0; }
bool PowerFails(const Plan& plan) { return plan.rates.power_share > 0; }
bool ClocksJump(const Plan& plan) { return plan.rates.clock > 0; }
bool ScopesChange(const Plan& plan) { return plan.rates.change_scopes > 0; }
bool ServerIsRestored(const Plan& plan) { return plan.rates.restore_server > 0; }
bool DisksAreCopied(const Plan& plan) {
  return plan.rates.copy_device > 0 || plan.rates.restore_device > 0;
}
bool PeopleDecide(const Plan& plan) { return plan.people_decide; }
bool VersionsDiffer(const Plan& plan) { return plan.skew != Skew::kNone; }
bool SomeIsPoison(const Plan& plan) { return plan.poison; }

struct Kind {
  std::string_view name;
  bool (*needs)(const Plan& plan);
};

// As in planted.h, in its order.
constexpr std::array kKinds = {
    Kind{"none", Any},
    Kind{"acknowledged before sync", PowerFails},
    Kind{"sync error ignored", WritesFail},
    Kind{"goes on after a failed write", WritesFail},
    Kind{"pushed before sync", PowerFails},
    Kind{"cursor first", Any},
    Kind{"repeat not found", Any},
    Kind{"reconcile drops the last", Any},
    Kind{"settlement forgotten", PeopleDecide},
    Kind{"overlay drops what is receipted", Any},
    Kind{"overlay keeps what is confirmed", Any},
    Kind{"trims what is unsafe", Any},
    Kind{"push cuts a batch", Any},
    Kind{"waits by the wall clock", ClocksJump},
    Kind{"lost scopes stay", ScopesChange},
    Kind{"loss of a restored server ignored", ServerIsRestored},
    Kind{"receipt before sync", Any},
    Kind{"receipt before commit", Any},
    Kind{"gap accepted", Any},
    Kind{"old counts forgotten (window)", Any},
    Kind{"counts forgotten on restart", Any},
    Kind{"session not counted", Any},
    Kind{"server time falls", Any},
    Kind{"stores never opened again", WritesFail},
    Kind{"release forgotten", PeopleDecide},
    Kind{"released is overtaken", PeopleDecide},
    Kind{"unknown type rejected", VersionsDiffer},
    Kind{"wait for schema forgotten", VersionsDiffer},
    Kind{"history skips one", Any},
    Kind{"live feed skips some", Any},
    Kind{"checkpoint first", Any},
    Kind{"poison blocks", SomeIsPoison},
    Kind{"fork unseen", DisksAreCopied},
    Kind{"log that went back unseen", ServerIsRestored},
    Kind{"restored work is refused", ServerIsRestored},
};
static_assert(kKinds.size() == static_cast<size_t>(Bug::kCount));

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
    if (!kKinds[static_cast<size_t>(bug)].needs(Plan(seed))) continue;
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
  for (uint64_t bug = 1; bug < kKinds.size(); ++bug) {
    if (only != 0 ? bug != only : bug % shards != shard) continue;
    const Caught caught = Hunt(static_cast<Bug>(bug), Setting("INTENTLOG_SEEDS", kSeedsMax));
    ++hunted;
    if (caught.seed != 0) ++found;
    EXPECT_NE(caught.seed, 0u) << kKinds[bug].name;
    std::cout << "| " << std::left << std::setw(32) << kKinds[bug].name << " | " << std::right
              << std::setw(4) << caught.seed << " | " << caught.checker << " |" << std::endl;
  }
  std::cout << "FIGURE planted bugs hunted: " << hunted << "\nFIGURE planted bugs caught: " << found
            << "\n";
}

#endif

}  // namespace
}  // namespace intentlog::simulation
