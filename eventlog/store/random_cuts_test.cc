// What a store keeps when the power goes at any moment of any run, and again soon after.
//
// INTENTLOG_SEED=S replays one run; INTENTLOG_LONG=1 cuts the power 40,000 times.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "eventlog/runtime/random.h"
#include "eventlog/store/faulty_file_system.h"
#include "eventlog/store/store.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using Disk = FaultyFileSystem;

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// A machine that is used, cut off, started and used again. Commits are numbered; what it holds is
// always the first of them.
class Machine {
 public:
  Machine(uint64_t seed, std::string root) : random_(seed), root_(std::move(root)) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    disk_ = std::make_unique<Disk>(root_ + "/scratch");
    options_.role = "device";
    options_.env = disk_->env();
    options_.write_buffer_bytes = size_t{64 << 10} << random_.Below(5);
    value_bytes_ = 100 << random_.Below(10);
  }
  ~Machine() { std::filesystem::remove_all(root_); }

  // One life, ended by the power.
  void Live() {
    disk_->CutPowerAt(disk_->operations() + 1 + random_.Below(uint64_t{4} << random_.Below(6)));
    Use();
    constexpr Disk::Unsynced kFates[] = {Disk::Unsynced::kLost, Disk::Unsynced::kTorn,
                                         Disk::Unsynced::kKept};
    disk_->LosePower(kFates[random_.Below(3)]);
    Look();
  }

 private:
  absl::StatusOr<std::unique_ptr<Store>> Open() {
    return Store::Open(root_ + "/machine/store", options_);
  }
  void Use() {
    for (uint64_t opened = 1 + random_.Below(2); opened > 0; --opened) {
      const auto store = Open();
      if (!store.ok()) return;
      for (uint64_t commits = random_.Below(20); commits > 0; --commits) {
        if (!Commit(**store)) return;
      }
    }
  }
  bool Commit(Store& store) {
    const bool durable = random_.Below(2) == 0;
    const std::string number = std::to_string(++begun_);
    StoreBatch batch;
    batch.Put(Space::kLog, number, std::string(1 + random_.Below(value_bytes_), 'v'));
    batch.Put(Space::kIndex, number, "row");
    if (!store.Commit(batch, durable ? Sync::kDurable : Sync::kBuffered).ok()) return false;
    if (durable) durable_ = begun_;
    return true;
  }
  void Look() {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    uint64_t there = 0;
    for (uint64_t number = 1; number <= begun_ + 1; ++number) {
      std::string value;
      const bool log = (*store)->Get(Space::kLog, std::to_string(number), &value).value();
      EXPECT_EQ((*store)->Get(Space::kIndex, std::to_string(number), &value).value(), log);
      if (!log) continue;
      ASSERT_EQ(number, there + 1) << "commit " << there + 1 << " is missing before it";
      there = number;
    }
    ASSERT_GE(there, durable_) << "acknowledged, and gone";
    ASSERT_LE(there, begun_);
    begun_ = there;
  }

  SeededRandom random_;
  const std::string root_;
  StoreOptions options_;
  std::unique_ptr<Disk> disk_;
  uint64_t value_bytes_ = 0;
  uint64_t begun_ = 0;    // commits, also one that failed
  uint64_t durable_ = 0;  // the last that was acknowledged as that
};

TEST(RandomCutsTest,
     I1_I4_I5_WhateverRunIsCutWheneverItsDurableCommitsAreThereAndAPrefixOfTheRest) {
  constexpr uint64_t kLives = 4;
  const uint64_t only = Setting("INTENTLOG_SEED", 0);
  const uint64_t cuts = Setting("INTENTLOG_LONG", 0) != 0 ? 40'000 : 1'000;
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t seeds = only != 0 ? 1 : cuts / kLives;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    Machine machine(seed, testing::TempDir() + "/cuts");
    for (uint64_t life = 0; life < kLives; ++life) machine.Live();
    ASSERT_FALSE(testing::Test::HasFailure()) << "replay with INTENTLOG_SEED=" << seed;
  }
}

}  // namespace
}  // namespace intentlog
