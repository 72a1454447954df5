// What a store keeps when operations fail or the power goes, at every operation of a scripted run.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "eventlog/store/faulty_file_system.h"
#include "eventlog/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;

using Disk = FaultyFileSystem;
// What becomes of what was not synced, and how many operations lie between two cuts: the fewer
// bytes are lost, the fewer surprises are left.
struct Fate {
  Disk::Unsynced unsynced;
  uint64_t stride;
};
constexpr Fate kFates[] = {
    {Disk::Unsynced::kLost, 1}, {Disk::Unsynced::kTorn, 2}, {Disk::Unsynced::kKept, 4}};

class FaultTest : public ::testing::Test {
 protected:
  FaultTest()
      : root_(::testing::TempDir() + "/" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    options_.role = "device";
    Restart();
  }
  ~FaultTest() override { std::filesystem::remove_all(root_); }

  // A new machine with an empty disk.
  void Restart() {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    disk_ = std::make_unique<Disk>(root_ + "/scratch");
    options_.env = disk_->env();
  }
  absl::StatusOr<std::unique_ptr<Store>> Open() {
    return Store::Open(root_ + "/machine/store", options_);
  }
  static absl::Status Put(Store& store, int number) {
    StoreBatch batch;
    batch.Put(Space::kLog, std::to_string(number), std::string(100, 'v'));
    batch.Put(Space::kIndex, std::to_string(number), "row");
    return store.Commit(batch, Sync::kDurable);
  }
  // Commits 1, 2, 3 … until one fails or all are done; returns how many returned OK.
  static int PutAll(Store& store, int from, int to) {
    for (int i = from; i <= to; ++i) {
      if (!Put(store, i).ok()) return i - 1;
    }
    return to;
  }
  // On a new store, whose `cut`th operation from now on finds no power; returns how many returned
  // OK.
  int PutUntilThePowerGoes(uint64_t cut, int commits) {
    const auto store = Open();
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return 0;
    disk_->CutPowerAt(disk_->operations() + cut);
    return PutAll(**store, 1, commits);
  }
  static void PutBuffered(Store& store, int number) {
    StoreBatch batch;
    batch.Put(Space::kLog, std::to_string(number), "buffered");
    batch.Put(Space::kIndex, std::to_string(number), "row");
    ASSERT_TRUE(store.Commit(batch, Sync::kBuffered).ok());
  }
  // The last of the dense prefix; fails the test if anything lies beyond it or is half there.
  static int Prefix(const Store& store) {
    std::string value;
    int last = 0;
    while (store.Get(Space::kLog, std::to_string(last + 1), &value).value()) ++last;
    for (int i = 1; i <= last + 20; ++i) {
      const std::string key = std::to_string(i);
      EXPECT_EQ(store.Get(Space::kLog, key, &value).value(), i <= last) << i;
      EXPECT_EQ(store.Get(Space::kIndex, key, &value).value(), i <= last) << i;
    }
    return last;
  }

  const std::string root_;
  StoreOptions options_;
  std::unique_ptr<Disk> disk_;
};

TEST_F(FaultTest, APowerCutAtAnyOperationOfTheCreationLeavesNoStoreOrAWholeOne) {
  for (const Fate& fate : kFates) {
    bool finished = false;
    for (uint64_t cut = 1; !finished; cut += fate.stride) {
      Restart();
      disk_->CutPowerAt(cut);
      finished = Open().ok();
      disk_->LosePower(fate.unsynced);
      auto store = Open();
      ASSERT_TRUE(store.ok()) << "cut at " << cut << ": " << store.status();
      ASSERT_TRUE(Put(**store, 1).ok());
      ASSERT_EQ(Prefix(**store), 1);
      ASSERT_LT(cut, 500u);
    }
  }
}

TEST_F(FaultTest, I1_WhatReturnedOkIsThereAfterAPowerCutAtAnyOperation) {
  constexpr int kCommits = 10;
  for (const Fate& fate : kFates) {
    bool finished = false;
    for (uint64_t cut = 1; !finished; ++cut) {
      Restart();
      const int returned_ok = PutUntilThePowerGoes(cut, kCommits);
      finished = returned_ok == kCommits;
      disk_->LosePower(fate.unsynced);
      auto store = Open();
      ASSERT_TRUE(store.ok()) << "cut at " << cut << ": " << store.status();
      const int there = Prefix(**store);
      ASSERT_GE(there, returned_ok) << "cut at " << cut;
      ASSERT_LE(there, returned_ok + 1) << "cut at " << cut;
      ASSERT_EQ(PutAll(**store, there + 1, there + 3), there + 3);
    }
  }
}

TEST_F(FaultTest, I1_APowerCutAtAnyOperationOfAnOpeningLosesNothing) {
  bool finished = false;
  for (uint64_t cut = 1; !finished; ++cut) {
    Restart();
    ASSERT_EQ(PutAll(**Open(), 1, 3), 3);
    disk_->CutPowerAt(disk_->operations() + cut);
    finished = Open().ok();
    disk_->LosePower(Disk::Unsynced::kLost);
    auto store = Open();
    ASSERT_TRUE(store.ok()) << "cut at " << cut << ": " << store.status();
    ASSERT_EQ(Prefix(**store), 3) << "cut at " << cut;
  }
}

// Each commit tries every fifth of these near pairs, INTENTLOG_LONG=1 all.
TEST_F(FaultTest, I1_I5_ASecondPowerCutWhileItOpensAfterTheFirstLosesNothing) {
  constexpr int kCommits = 6;
  const uint64_t stride = std::getenv("INTENTLOG_LONG") == nullptr ? 5 : 1;
  for (const Fate& fate : kFates) {
    bool finished = false;
    for (uint64_t first = 1; !finished; ++first) {
      bool opened = false;
      for (uint64_t second = 1 + first % stride; !opened; second += stride) {
        Restart();
        const int returned_ok = PutUntilThePowerGoes(first, kCommits);
        finished = returned_ok == kCommits;
        disk_->LosePower(fate.unsynced);
        disk_->CutPowerAt(disk_->operations() + second);
        opened = Open().ok();
        disk_->LosePower(fate.unsynced);
        auto store = Open();
        ASSERT_TRUE(store.ok()) << "cut at " << first << ", " << second << ": " << store.status();
        const int there = Prefix(**store);
        ASSERT_GE(there, returned_ok) << "cut at " << first << ", " << second;
        ASSERT_LE(there, returned_ok + 1) << "cut at " << first << ", " << second;
      }
    }
  }
}

constexpr int kLoadedRows = 50;

// Whether all of it is said to be there.
bool LoadRows(Store& store) {
  const auto load = store.Load(Space::kRows);
  for (int i = 0; i < kLoadedRows; ++i) {
    if (!load->Put(std::to_string(100 + i), std::string(1000, 'r')).ok()) return false;
  }
  return load->Finish().ok();
}

int LoadedRows(const Store& store) {
  std::string value;
  int there = 0;
  for (int i = 0; i < kLoadedRows; ++i) {
    there += store.Get(Space::kRows, std::to_string(100 + i), &value).value() ? 1 : 0;
  }
  return there;
}

TEST_F(FaultTest, I1_ALoadIsThereWithAllThatWasBeforeItOrNotAfterAPowerCutAtAnyOperation) {
  for (const Fate& fate : kFates) {
    bool finished = false;
    for (uint64_t cut = 1; !finished; cut += fate.stride) {
      Restart();
      {
        const auto store = Open();
        ASSERT_TRUE(store.ok());
        ASSERT_EQ(PutAll(**store, 1, 2), 2);
        PutBuffered(**store, 3);
        disk_->CutPowerAt(disk_->operations() + cut);
        finished = LoadRows(**store);
      }
      disk_->LosePower(fate.unsynced);
      const auto store = Open();
      ASSERT_TRUE(store.ok()) << "cut at " << cut << ": " << store.status();
      const int there = LoadedRows(**store);
      ASSERT_EQ(there % kLoadedRows, 0) << "cut at " << cut;
      ASSERT_TRUE(there > 0 || !finished) << "cut at " << cut;
      ASSERT_GE(Prefix(**store), there > 0 ? 3 : 2) << "cut at " << cut;
      for (const auto& file : std::filesystem::directory_iterator(root_ + "/machine/store")) {
        ASSERT_FALSE(file.path().filename().string().starts_with("load-")) << "cut at " << cut;
      }
    }
  }
}

TEST_F(FaultTest, I6_AnOperationOfALoadThatFailsLosesNothing) {
  for (const auto error : {Disk::Error::kIo, Disk::Error::kNoSpace}) {
    bool finished = false;
    for (uint64_t nth = 1; !finished; ++nth) {
      Restart();
      {
        const auto store = Open();
        ASSERT_TRUE(store.ok());
        ASSERT_EQ(PutAll(**store, 1, 2), 2);
        disk_->FailAt(Disk::Operation::kAny, disk_->operations() + nth, error, /*for_good=*/true);
        const bool loaded = LoadRows(**store);
        finished = !disk_->happened();
        ASSERT_TRUE(loaded || !(*store)->failed().ok()) << nth;
      }
      disk_->Heal();
      const auto store = Open();
      ASSERT_TRUE(store.ok()) << "operation " << nth << ": " << store.status();
      ASSERT_EQ(Prefix(**store), 2);
      const int there = LoadedRows(**store);
      ASSERT_EQ(there % kLoadedRows, 0) << nth;
      ASSERT_TRUE(there > 0 || !finished) << nth;
      ASSERT_EQ(LoadRows(**store), there == 0) << nth;  // where they are already, it is refused
      ASSERT_EQ(LoadedRows(**store), kLoadedRows);
    }
  }
}

TEST_F(FaultTest, ABufferedCommitIsTheDurableOnesPrefixAfterAPowerCut) {
  {
    auto store = Open();
    ASSERT_TRUE(store.ok());
    ASSERT_EQ(PutAll(**store, 1, 3), 3);
    PutBuffered(**store, 4);
    ASSERT_EQ(Prefix(**store), 4);
    disk_->CutPowerAt(disk_->operations() + 1);
  }
  disk_->LosePower(Disk::Unsynced::kLost);
  EXPECT_EQ(Prefix(**Open()), 3);
}

// The mark beside it names the sizes of its logs then.
TEST_F(FaultTest, I5_WhatWasBufferedIsThereOnceTheStoreWasClosedAndItOpensAfterAPowerCut) {
  {
    auto store = Open();
    ASSERT_TRUE(store.ok());
    ASSERT_EQ(PutAll(**store, 1, 3), 3);
    PutBuffered(**store, 4);
  }
  disk_->LosePower(Disk::Unsynced::kLost);
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(Prefix(**store), 4);
}

TEST_F(FaultTest, I6_AfterTheFirstFailedWriteOrSyncNothingIsAcknowledgedUntilReopening) {
  for (const auto operation : {Disk::Operation::kLogWrite, Disk::Operation::kLogSync}) {
    for (const bool for_good : {false, true}) {
      for (uint64_t nth = 1; nth <= 6; ++nth) {
        Restart();
        int returned_ok = 0;
        {
          auto store = Open();
          ASSERT_TRUE(store.ok());
          disk_->FailAt(operation, disk_->operations(operation) + nth, Disk::Error::kIo, for_good);
          returned_ok = PutAll(**store, 1, 10);
          ASSERT_TRUE(disk_->happened());
          ASSERT_LT(returned_ok, 10);
          const absl::Status first = (*store)->failed();
          EXPECT_EQ(first.code(), absl::StatusCode::kUnavailable) << first;
          disk_->Heal();
          EXPECT_EQ(Put(**store, 11), first);
          EXPECT_EQ((*store)->SyncLog(), first);
          std::string value;  // reads go on
          EXPECT_TRUE((*store)->Get(Space::kLog, "1", &value).ok());
        }
        auto store = Open();
        ASSERT_TRUE(store.ok()) << store.status();
        EXPECT_TRUE((*store)->failed().ok());
        const int there = Prefix(**store);
        EXPECT_GE(there, returned_ok);
        EXPECT_LE(there, returned_ok + 1);  // the failed one is unknown: there once, or not at all
        EXPECT_EQ(PutAll(**store, there + 1, there + 3), there + 3);
      }
    }
  }
}

TEST_F(FaultTest, I6_AFullDiskIsATypedErrorAndHealsByReopening) {
  {
    auto store = Open();
    ASSERT_TRUE(store.ok());
    ASSERT_TRUE(Put(**store, 1).ok());
    disk_->FailAt(Disk::Operation::kLogWrite, disk_->operations(Disk::Operation::kLogWrite) + 1,
                  Disk::Error::kNoSpace, /*for_good=*/true);
    const absl::Status status = Put(**store, 2);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_EQ(status.message().substr(0, 10), "disk full:");
    std::string value;
    EXPECT_TRUE((*store)->Get(Space::kLog, "1", &value).value());
  }
  disk_->Heal();
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(Prefix(**store), 1);
  EXPECT_TRUE(Put(**store, 2).ok());
}

TEST_F(FaultTest, I6_AFullDiskRefusesCommitsReadsOnAndHealsByItself) {
  auto store = Open();
  ASSERT_TRUE(store.ok());
  ASSERT_EQ(PutAll(**store, 1, 3), 3);
  disk_->SetFreeBytes(options_.free_bytes_min / 2);
  const absl::Status refused = Put(**store, 4);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  const std::string text = refused.ToString();
  EXPECT_THAT(text, HasSubstr("disk full: 256 KiB are free where " + root_ + "/machine/store"));
  EXPECT_THAT(text, HasSubstr("are needed to write there; free some space and try again"));
  EXPECT_TRUE((*store)->failed().ok());
  EXPECT_EQ(Prefix(**store), 3);
  disk_->Heal();
  EXPECT_EQ(PutAll(**store, 4, 5), 5);
}

TEST_F(FaultTest, I6_NewWorkIsRefusedWhileThereIsRoomForCursorsAndReceipts) {
  auto store = Open();
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(Put(**store, 1).ok());
  EXPECT_TRUE((*store)->CheckRoom(1000).ok());
  uint64_t free = 0;
  do {
    disk_->SetFreeBytes(free += 64 << 10);
  } while (!Put(**store, 2).ok());
  EXPECT_GT(free, options_.free_bytes_min);
  EXPECT_EQ((*store)->CheckRoom(1000).code(), absl::StatusCode::kResourceExhausted);
  disk_->SetFreeBytes(free + options_.free_bytes_min);
  EXPECT_TRUE((*store)->CheckRoom(1000).ok());
  EXPECT_EQ((*store)->CheckRoom(options_.free_bytes_min).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(FaultTest, I6_OnAFullDiskAStoreOpensForReadingAndHealsByReopening) {
  for (const bool foreseen : {true, false}) {
    Restart();
    ASSERT_EQ(PutAll(**Open(), 1, 3), 3);
    if (foreseen) {
      disk_->SetFreeBytes(0);
    } else {
      disk_->FailAt(Disk::Operation::kAny, disk_->operations() + 4, Disk::Error::kNoSpace,
                    /*for_good=*/true);
    }
    {
      auto store = Open();
      ASSERT_TRUE(store.ok()) << store.status();
      EXPECT_EQ((*store)->failed().code(), absl::StatusCode::kResourceExhausted);
      EXPECT_EQ(Put(**store, 4), (*store)->failed());
      EXPECT_EQ((*store)->CheckRoom(1), (*store)->failed());
      EXPECT_EQ(Prefix(**store), 3);
      if (foreseen) {
        EXPECT_FALSE((*store)->CheckReopen().ok());
      }
      disk_->Heal();
      EXPECT_TRUE((*store)->CheckReopen().ok());
      EXPECT_FALSE(Open().ok());  // in use
    }
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_TRUE(Put(**store, 4).ok());
    EXPECT_EQ(Prefix(**store), 4);
  }
}

TEST_F(FaultTest, I6_OnAFullDiskNoStoreIsMade) {
  disk_->SetFreeBytes(options_.free_bytes_min);
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_FALSE(std::filesystem::exists(root_ + "/machine"));
  disk_->Heal();
  EXPECT_TRUE(Open().ok());
}

TEST_F(FaultTest, I6_SpaceThatEndsAtAnyOperationEndsInATypedErrorAndLosesNothing) {
  constexpr int kCommits = 6;
  bool finished = false;
  for (uint64_t nth = 1; !finished; ++nth) {
    Restart();
    disk_->FailAt(Disk::Operation::kAny, nth, Disk::Error::kNoSpace, /*for_good=*/true);
    int returned_ok = 0;
    {
      auto store = Open();
      if (store.ok()) {
        returned_ok = PutAll(**store, 1, kCommits);
        const absl::Status failed = (*store)->failed();
        EXPECT_TRUE(returned_ok == kCommits || absl::IsResourceExhausted(failed)) << failed;
      } else {
        EXPECT_EQ(store.status().code(), absl::StatusCode::kResourceExhausted) << store.status();
      }
      finished = !disk_->happened() && returned_ok == kCommits;
    }
    finished = finished && !disk_->happened();
    disk_->Heal();
    auto store = Open();
    ASSERT_TRUE(store.ok()) << "no space at " << nth << ": " << store.status();
    const int there = Prefix(**store);
    ASSERT_GE(there, returned_ok) << "no space at " << nth;
    ASSERT_LE(there, returned_ok + 1) << "no space at " << nth;
    ASSERT_EQ(PutAll(**store, there + 1, there + 3), there + 3);
    ASSERT_LT(nth, 500u);
  }
}

}  // namespace
}  // namespace intentlog
