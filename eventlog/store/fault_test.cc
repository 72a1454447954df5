// What a store keeps when operations fail or the power goes, at every operation of a scripted run.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

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
      int returned_ok = 0;
      {
        auto store = Open();
        ASSERT_TRUE(store.ok());
        disk_->CutPowerAt(disk_->operations() + cut);
        returned_ok = PutAll(**store, 1, kCommits);
        finished = returned_ok == kCommits;
      }
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

TEST_F(FaultTest, ABufferedCommitIsTheDurableOnesPrefixAfterAPowerCut) {
  {
    auto store = Open();
    ASSERT_TRUE(store.ok());
    ASSERT_EQ(PutAll(**store, 1, 3), 3);
    StoreBatch batch;
    batch.Put(Space::kLog, "4", "buffered");
    batch.Put(Space::kIndex, "4", "row");
    ASSERT_TRUE((*store)->Commit(batch, Sync::kBuffered).ok());
    ASSERT_EQ(Prefix(**store), 4);
  }
  disk_->LosePower(Disk::Unsynced::kLost);
  EXPECT_EQ(Prefix(**Open()), 3);
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

// ---- what was durable once and is not there any more (I5)

class CutLogTest : public FaultTest {
 protected:
  // The files of the store whose name ends so, sorted.
  std::vector<std::string> Files(std::string_view end) const {
    std::vector<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(root_ + "/machine/store")) {
      if (file.path().string().ends_with(end)) files.push_back(file.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  // Whether all rows are there, as they were written; false if the store says that they are not.
  // Fails the test if it says that they are, and they are not.
  static bool EveryRow(const Store& store, int rows) {
    for (const Space space : {Space::kLog, Space::kIndex}) {
      int found = 0;
      const auto row = store.Scan(space);
      for (row->Seek(""); row->Valid(); row->Next()) {
        const std::string value(row->value());
        EXPECT_EQ(value, space == Space::kLog ? std::string(100, 'v') : "row") << row->key();
        ++found;
      }
      if (!row->status().ok()) return false;
      EXPECT_EQ(found, rows);
    }
    return true;
  }
  void Write(int commits) {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_EQ(PutAll(**store, 1, commits), commits);
  }
};

TEST_F(CutLogTest, AWriteAheadLogThatIsCutAnywhereBelowTheMarkIsFound) {
  options_.high_water_commits = 10;
  Write(100);
  const std::vector<std::string> logs = Files(".log");
  ASSERT_EQ(logs.size(), 1u);
  const uint64_t size = std::filesystem::file_size(logs[0]);
  const std::string kept = root_ + "/kept";
  std::filesystem::copy_file(logs[0], kept);
  for (uint64_t cut = 0; cut < size * 9 / 10; cut += size / 97) {
    std::filesystem::resize_file(logs[0], cut);
    const auto store = Open();
    ASSERT_FALSE(store.ok()) << "cut at " << cut << " of " << size;
    EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
    std::filesystem::remove_all(root_ + "/machine/store/lost");
    for (const std::string& file : Files(".log")) std::filesystem::remove(file);
    std::filesystem::copy_file(kept, logs[0]);
  }
}

TEST_F(CutLogTest, AWriteAheadLogThatIsMissingIsFound) {
  Write(100);
  for (const std::string& file : Files(".log")) std::filesystem::remove(file);
  const auto store = Open();
  EXPECT_TRUE(absl::IsDataLoss(store.status()));
  EXPECT_THAT(store.status().ToString(), HasSubstr("was durable once"));
}

TEST_F(CutLogTest, AMarkThatIsDamagedIsNamed) {
  Write(20);
  const std::string path = root_ + "/machine/store/HIGHWATER";
  const uint64_t size = std::filesystem::file_size(path);
  for (uint64_t at = 0; at < size; ++at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int was = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(was ^ 1));
    file.close();
    EXPECT_THAT(Open().status().ToString(), HasSubstr("HIGHWATER is damaged")) << at;
    std::fstream again(path, std::ios::in | std::ios::out | std::ios::binary);
    again.seekp(static_cast<std::streamoff>(at));
    again.put(static_cast<char>(was));
  }
  EXPECT_TRUE(Open().ok());
}

// Tables have checksums of their own for each block.
TEST_F(CutLogTest, AFlippedBitAnywhereInAnyFileButTablesIsRefusedOrChangesNothing) {
  constexpr int kRows = 1500;
  constexpr int kRegions = 10;
  options_.write_buffer_bytes = 128 << 10;  // tables, too
  Write(kRows);
  const std::string store = root_ + "/machine/store";
  const std::string kept = root_ + "/kept";
  std::filesystem::copy(store, kept);
  std::map<std::string, int> refused;  // by kind of file
  for (const auto& file : std::filesystem::directory_iterator(kept)) {
    const std::string name = file.path().filename().string();
    const uint64_t size = name.ends_with(".sst") ? 0 : file.file_size();
    for (int region = 0; region < kRegions && size > 0; ++region) {
      SCOPED_TRACE(name + ", region " + std::to_string(region));
      std::filesystem::remove_all(store);
      std::filesystem::copy(kept, store);
      const auto at = static_cast<std::streamoff>(
          region + 1 == kRegions ? size - 1 : size * static_cast<uint64_t>(region) / kRegions);
      std::fstream bytes(store + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekg(at);
      const int was = bytes.get();
      bytes.seekp(at);
      bytes.put(static_cast<char>(was ^ (1 << (region % 8))));
      bytes.close();
      const auto opened = Open();
      if (!opened.ok() || !EveryRow(**opened, kRows)) ++refused[name.substr(0, 4)];
    }
  }
  EXPECT_GT(refused["HIGH"], 0);
  EXPECT_GT(refused["MANI"], 0);
  EXPECT_GT(refused["CURR"], 0);
}

TEST_F(CutLogTest, AFileThatIsGoneIsMissed) {
  Write(100);
  const std::string store = root_ + "/machine/store";
  const std::string kept = root_ + "/kept";
  std::filesystem::copy(store, kept);
  for (const auto& file : std::filesystem::directory_iterator(kept)) {
    SCOPED_TRACE(file.path().filename().string());
    std::filesystem::remove_all(store);
    std::filesystem::copy(kept, store);
    std::filesystem::remove(store + "/" + file.path().filename().string());
    const auto opened = Open();
    if (opened.ok()) {
      EXPECT_TRUE(EveryRow(**opened, 100));
    }
  }
}

}  // namespace
}  // namespace intentlog
