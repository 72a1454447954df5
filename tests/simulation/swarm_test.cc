// Seeds of the swarm (swarm.h): on stores in memory, and some on RocksDB.
//
// INTENTLOG_SEED=S runs that seed alone and tells what happens; INTENTLOG_SEEDS=N runs N seeds,
// from INTENTLOG_FIRST_SEED=S on; INTENTLOG_LONG=1 many, and goes on behind one that fails, as
// INTENTLOG_KEEP_GOING=1 does. Of shards each runs its share: seeds, not tests, are divided.
#include "tests/simulation/swarm.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/simulation/runs.h"

namespace intentlog::simulation {
namespace {

// gtest would give each shard a test of its own.
const bool kUndivided = unsetenv("GTEST_TOTAL_SHARDS") == 0 && unsetenv("GTEST_SHARD_INDEX") == 0;

#if defined(INTENTLOG_PLANTED_BUGS)  // and instrumented
constexpr uint64_t kInMemory = 500;
constexpr uint64_t kOnRocksdb = 5;
constexpr uint64_t kTwice = 20;
constexpr uint64_t kInMemoryLong = 10'000;
constexpr uint64_t kOnRocksdbLong = 100;
#else
constexpr uint64_t kInMemory = 100'000;
constexpr uint64_t kOnRocksdb = 2'000;
constexpr uint64_t kTwice = 300;
constexpr uint64_t kInMemoryLong = 1'500'000;
constexpr uint64_t kOnRocksdbLong = 35'000;
#endif

void RunSeeds(uint64_t commit, uint64_t longer, bool in_memory) {
  const bool many = Setting("INTENTLOG_LONG", 0) != 0;
  SwarmOptions options;
  options.in_memory = in_memory;
  const uint64_t only = Setting("INTENTLOG_SEED", 0);
  options.tell = only != 0;
  const uint64_t first = only != 0 ? only : Setting("INTENTLOG_FIRST_SEED", 1);
  const uint64_t seeds = only != 0 ? 1 : Setting("INTENTLOG_SEEDS", many ? longer : commit);
  const uint64_t shards = only != 0 ? 1 : Setting("TEST_TOTAL_SHARDS", 1);
  const uint64_t shard = only != 0 ? 0 : Setting("TEST_SHARD_INDEX", 0);
  const bool goes_on = many || Setting("INTENTLOG_KEEP_GOING", 0) != 0;
  const ScratchFolder scratch;
  uint64_t ran = 0;
  uint64_t events = 0;
  const Stopwatch watch;
  for (uint64_t seed = first + shard; seed < first + seeds; seed += shards, ++ran) {
    const SwarmResult result = RunSeed(seed, options);
    events += result.events;
    EXPECT_EQ(result.problems, "") << "replay with INTENTLOG_SEED=" << seed;
    if (testing::Test::HasFailure() && !goes_on) break;
  }
  std::cout << "figures: " << ran << " schedules " << (in_memory ? "in memory" : "on RocksDB")
            << ", seeds " << first << " to " << first + seeds - 1 << ", shard " << shard + 1
            << " of " << shards << ", " << events << " events, " << watch.seconds() << " s\n";
  std::cout << "FIGURE simulated schedules " << (in_memory ? "in memory: " : "on RocksDB: ") << ran
            << ", seeds " << first << " to " << first + seeds - 1 << "\n";
  for (const std::string_view mark : MarksUnreached()) {
    std::cout << "no seed reached the mark \"" << mark << "\"\n";
  }
}

TEST(Swarm, NoFaultLosesDoublesOrDivergesAndAllSettles) {
  RunSeeds(kInMemory, kInMemoryLong, /*in_memory=*/true);
}

TEST(Swarm, TheSameOnRocksdb) { RunSeeds(kOnRocksdb, kOnRocksdbLong, /*in_memory=*/false); }

// In whatever order seeds run, and wherever their objects lie.
TEST(Swarm, OneSeedIsOneTrace) {
  if (Setting("TEST_SHARD_INDEX", 0) != 0) return;  // the first one does
  const ScratchFolder scratch;
  std::vector<SwarmResult> first;
  for (uint64_t seed = 1; seed <= kTwice; ++seed) first.push_back(RunSeed(seed));
  for (uint64_t seed = kTwice; seed >= 1; --seed) {
    const SwarmResult again = RunSeed(seed);
    EXPECT_EQ(first[seed - 1].trace_hash, again.trace_hash) << seed;
    EXPECT_EQ(first[seed - 1].trace_steps, again.trace_steps) << seed;
  }
}

}  // namespace
}  // namespace intentlog::simulation
