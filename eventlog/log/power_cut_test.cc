// The event log on a disk that loses what was not synced: a power cut at every operation of a
// scripted run of appends and merges.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/log/event_log.h"
#include "eventlog/log/made_batches.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/log/verify.h"
#include "eventlog/store/faulty_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using Disk = FaultyFileSystem;
const EpochId kEpochId = EpochId::FromBytes("epoch-0123456789");

class PowerCutTest : public ::testing::Test {
 protected:
  PowerCutTest() : root_(::testing::TempDir() + "/power_cut_test") {
    options_.block_bytes = 600;
    Restart();
  }
  ~PowerCutTest() override {
    Close();
    std::filesystem::remove_all(root_);
  }

  void Restart() {
    Close();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    disk_ = std::make_unique<Disk>(root_ + "/scratch");
  }
  void Close() {
    log_ = nullptr;
    engine_ = nullptr;
  }
  absl::Status Open() {
    Close();
    StoreOptions store;
    store.env = disk_->env();
    auto engine = RocksdbEngine::Open(root_ + "/store", store);
    if (!engine.ok()) return engine.status();
    engine_ = std::move(engine).value();
    auto log = EventLog::Open(*engine_, "shop", kEpochId, options_);
    if (!log.ok()) return log.status();
    log_ = std::move(log).value();
    return log_->Fence().status();
  }

  // Appends and merges until one fails; remembers the end of every group, and of the last that
  // returned OK.
  void RunScript() {
    MadeBatches batches;
    ends_.assign(1, LogEnd());
    acknowledged_ = 0;
    for (int i = 0; i < 6; ++i) {
      EventGroup group(log_->head(), options_);
      batches.Add(group, i % 2 == 0 ? 'a' : 'b', "north", 1);
      batches.Add(group, 'c', "south", i == 3 ? 12 : 1);
      ends_.push_back(group.end());
      if (!log_->Append(std::move(group)).ok()) return;
      acknowledged_ = ends_.size() - 1;
      if (i % 2 == 1 && !log_->MergeSmallBlocks().ok()) return;
    }
    finished_ = true;
  }

  // The log ends where one of the groups ended: the last acknowledged one, or the one in doubt.
  void ExpectWholeAndNothingAcknowledgedLost(uint64_t cut) {
    const LogEnd end = log_->head();
    size_t there = 0;
    while (there < ends_.size() && ends_[there].position != end.position) ++there;
    ASSERT_LT(there, ends_.size())
        << "cut at " << cut << ": a group was cut at " << end.position.value();
    ASSERT_GE(there, acknowledged_) << "cut at " << cut;
    ASSERT_EQ(end.chain, ends_[there].chain) << "cut at " << cut;
    const auto verification = VerifyLog(*log_);
    ASSERT_TRUE(verification.ok());
    ASSERT_THAT(verification->problems, ::testing::ElementsAre()) << "cut at " << cut;
    ASSERT_EQ(verification->head, end.position);
  }

  const std::string root_;
  EventLogOptions options_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<RocksdbEngine> engine_;
  std::unique_ptr<EventLog> log_;
  std::vector<LogEnd> ends_;  // after 0, 1, 2 … groups
  size_t acknowledged_ = 0;
  bool finished_ = false;
};

TEST_F(PowerCutTest, I3_I4_AcknowledgedGroupsAreThereWholeAndInOrderAfterAnyPowerCut) {
  for (const Disk::Unsynced unsynced :
       {Disk::Unsynced::kLost, Disk::Unsynced::kTorn, Disk::Unsynced::kKept}) {
    finished_ = false;
    for (uint64_t cut = 1; !finished_; ++cut) {
      Restart();
      ASSERT_TRUE(Open().ok());
      disk_->CutPowerAt(disk_->operations() + cut);
      RunScript();
      Close();
      disk_->LosePower(unsynced);
      const absl::Status status = Open();
      ASSERT_TRUE(status.ok()) << "cut at " << cut << ": " << status;
      ExpectWholeAndNothingAcknowledgedLost(cut);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(PowerCutTest, I6_AfterAFailedSyncNoAppendSucceedsUntilTheStoreIsOpenedAgain) {
  constexpr auto kSync = Disk::Operation::kLogSync;
  for (uint64_t nth = 1; nth <= 6; ++nth) {
    Restart();
    ASSERT_TRUE(Open().ok());
    disk_->FailAt(kSync, disk_->operations(kSync) + nth, Disk::Error::kIo, /*for_good=*/false);
    RunScript();
    ASSERT_TRUE(disk_->happened());
    EXPECT_FALSE(log_->Append(EventGroup(log_->head(), options_)).ok());
    EXPECT_EQ(log_->head().position, ends_[acknowledged_].position);  // what failed is not visible
    ASSERT_TRUE(Open().ok());
    ExpectWholeAndNothingAcknowledgedLost(nth);
  }
}

}  // namespace
}  // namespace intentlog
