// What a store says of files that are not as it wrote them (I5): a flipped bit in any region of any
// file, a cut, a file that is gone. It is refused, or all rows are there as they were written; what
// is read of a damaged table is an error, never fewer rows.
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
#include "rocksdb/db.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

class DamageTest : public ::testing::Test {
 protected:
  DamageTest()
      : root_(::testing::TempDir() + "/" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    fs::create_directories(root_);
    disk_ = std::make_unique<FaultyFileSystem>(root_ + "/scratch");
    options_.env = disk_->env();
    options_.role = "device";
  }
  ~DamageTest() override { fs::remove_all(root_); }

  absl::StatusOr<std::unique_ptr<Store>> Open() { return Store::Open(store_, options_); }
  static absl::Status Put(Store& store, int number) {
    StoreBatch batch;
    batch.Put(Space::kLog, std::to_string(number), std::string(100, 'v'));
    batch.Put(Space::kIndex, std::to_string(number), "row");
    return store.Commit(batch, Sync::kDurable);
  }
  // The files of the store whose name ends so, sorted.
  std::vector<std::string> Files(std::string_view end) const {
    std::vector<std::string> files;
    for (const auto& file : fs::directory_iterator(store_)) {
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
    for (int i = 1; i <= commits; ++i) ASSERT_TRUE(Put(**store, i).ok());
  }
  // "log", "sst", "MANIFEST", "CURRENT" …
  static std::string KindOf(const std::string& name) {
    const size_t dot = name.rfind('.');
    return dot != std::string::npos ? name.substr(dot + 1) : name.substr(0, name.find('-'));
  }
  // Flips a bit of the byte at `at`.
  static void Flip(const std::string& path, uint64_t at, int bit) {
    std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const int was = bytes.get();
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(was ^ (1 << bit)));
  }
  void KeepCopy() { fs::copy(store_, kept_); }
  void Restore() {
    fs::remove_all(store_);
    fs::copy(kept_, store_);
  }

  const std::string root_;
  const std::string store_ = root_ + "/machine/store";
  const std::string kept_ = root_ + "/kept";
  StoreOptions options_;
  std::unique_ptr<FaultyFileSystem> disk_;
};

TEST_F(DamageTest, AWriteAheadLogThatIsCutAnywhereBelowTheMarkIsFound) {
  options_.high_water_commits = 10;
  Write(100);
  const std::vector<std::string> logs = Files(".log");
  ASSERT_EQ(logs.size(), 1u);
  const uint64_t size = fs::file_size(logs[0]);
  const std::string kept = root_ + "/kept";
  fs::copy_file(logs[0], kept);
  for (uint64_t cut = 0; cut < size * 9 / 10; cut += size / 97) {
    fs::resize_file(logs[0], cut);
    const auto store = Open();
    ASSERT_FALSE(store.ok()) << "cut at " << cut << " of " << size;
    EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
    fs::remove_all(store_ + "/lost");
    for (const std::string& file : Files(".log")) fs::remove(file);
    fs::copy_file(kept, logs[0]);
  }
}

TEST_F(DamageTest, AWriteAheadLogThatIsMissingIsFound) {
  Write(100);
  for (const std::string& file : Files(".log")) fs::remove(file);
  const auto store = Open();
  EXPECT_TRUE(absl::IsDataLoss(store.status()));
  EXPECT_THAT(store.status().ToString(), HasSubstr("was cut or is missing; keep a copy"));
}

TEST_F(DamageTest, AMarkThatIsDamagedIsNamed) {
  Write(20);
  const std::string path = store_ + "/HIGHWATER";
  const uint64_t size = fs::file_size(path);
  for (uint64_t at = 0; at < size; ++at) {
    Flip(path, at, 0);
    EXPECT_THAT(Open().status().ToString(), HasSubstr("HIGHWATER is damaged")) << at;
    Flip(path, at, 0);
  }
  EXPECT_TRUE(Open().ok());
}

// RocksDB 7.8 forgets the error of a table in the middle of a level, if it looks for deleted
// ranges.
TEST_F(DamageTest, I5_AScanTellsOfADamagedTableInTheMiddleOfALevel) {
  options_.env = nullptr;
  ASSERT_TRUE(Open().ok());
  constexpr int kTables = 3;
  std::vector<std::string> tables;
  {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : {"default", "log", "index", "rows"}) families.push_back({name, {}});
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, store_, families, &handles, &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    for (int table = 0; table < kTables; ++table) {
      const std::string key = std::to_string(table);
      ASSERT_TRUE(db->Put({}, handles[1], key, std::string(100, 'v')).ok());
      ASSERT_TRUE(db->Flush({}, handles[1]).ok());
      ASSERT_TRUE(db->CompactRange({}, handles[1], nullptr, nullptr).ok());
    }
    std::vector<rocksdb::LiveFileMetaData> files;
    db->GetLiveFilesMetaData(&files);
    for (const auto& file : files) {
      if (file.level > 0) tables.push_back(store_ + file.name);
    }
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  }
  ASSERT_EQ(tables.size(), kTables);
  for (const std::string& table : tables) {
    Flip(table, 0, 0);
    for (const bool back : {false, true}) {
      const auto store = Open();
      ASSERT_TRUE(store.ok()) << store.status();
      const auto row = (*store)->Scan(Space::kLog);
      if (back) {
        for (row->SeekBack("9"); row->Valid();) row->Back();
      } else {
        for (row->Seek(""); row->Valid();) row->Next();
      }
      EXPECT_TRUE(absl::IsDataLoss(row->status())) << table << row->status();
    }
    Flip(table, 0, 0);
  }
}

TEST_F(DamageTest, I5_AFlippedBitAnywhereInAnyFileIsRefusedOrChangesNothing) {
  constexpr int kRows = 1500;
  constexpr int kRegions = 8;
  options_.write_buffer_bytes = 128 << 10;  // tables, too, and several write-ahead logs
  Write(kRows);
  KeepCopy();
  std::map<std::string, int> refused;  // by kind of file
  for (const auto& file : fs::directory_iterator(kept_)) {
    const std::string name = file.path().filename().string();
    const uint64_t size = file.file_size();
    for (int region = 0; region < kRegions && size > 0; ++region) {
      SCOPED_TRACE(name + ", region " + std::to_string(region));
      Restore();
      const uint64_t at =
          region + 1 == kRegions ? size - 1 : size * static_cast<uint64_t>(region) / kRegions;
      Flip(store_ + "/" + name, at, region);
      const auto opened = Open();
      if (!opened.ok() || !EveryRow(**opened, kRows)) ++refused[KindOf(name)];
    }
  }
  for (const char* kind : {"HIGHWATER", "MANIFEST", "CURRENT", "sst", "log"}) {
    EXPECT_GT(refused[kind], 0) << kind;
  }
}

TEST_F(DamageTest, I5_AnyFileThatIsCutOrGoneIsRefusedOrChangesNothing) {
  constexpr int kRows = 1500;
  options_.write_buffer_bytes = 128 << 10;
  Write(kRows);
  KeepCopy();
  std::map<std::string, int> refused;
  for (const auto& file : fs::directory_iterator(kept_)) {
    const std::string name = file.path().filename().string();
    const uint64_t size = file.file_size();
    for (const uint64_t left : {size * 9 / 10, size * 2 / 3, size / 10, uint64_t{0}}) {
      SCOPED_TRACE(name + ", " + std::to_string(left) + " of " + std::to_string(size));
      if (size == 0) continue;
      Restore();
      fs::resize_file(store_ + "/" + name, left);
      const auto opened = Open();
      if (!opened.ok() || !EveryRow(**opened, kRows)) ++refused[KindOf(name)];
    }
    SCOPED_TRACE(name + " is gone");
    Restore();
    fs::remove(store_ + "/" + name);
    const auto opened = Open();
    if (!opened.ok() || !EveryRow(**opened, kRows)) ++refused[KindOf(name)];
  }
  for (const char* kind : {"HIGHWATER", "MANIFEST", "CURRENT", "sst", "log"}) {
    EXPECT_GT(refused[kind], 0) << kind;
  }
}

// What a process leaves that was killed: no mark tells which logs there were, but their records
// number their changes.
TEST_F(DamageTest, I5_OfAKilledStoreALogThatIsNotTheLastIsMissed) {
  constexpr int kRows = 900;
  constexpr uint64_t kRecordBytes = 136;  // of the log, for a row: see log_files.h
  options_.write_buffer_bytes = 128 << 10;
  {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = 1; i <= kRows; ++i) ASSERT_TRUE(Put(**store, i).ok());
    std::error_code moved;  // a file may go while they are copied
    do {
      fs::remove_all(kept_);
      fs::copy(store_, kept_, moved);
    } while (moved);
  }
  Restore();
  const std::vector<std::string> logs = Files(".log");
  ASSERT_GT(logs.size(), 1u);
  for (size_t log = 0; log + 1 < logs.size(); ++log) {
    Restore();
    const uint64_t size = fs::file_size(logs[log]);
    if (log == 0 && size <= kRecordBytes) continue;
    // Of the oldest one its first record says where it begins.
    const uint64_t kept = log > 0 ? 0 : kRecordBytes + 1;
    for (const uint64_t left : {size - 1, size * 2 / 3, size / 3, uint64_t{0}}) {
      SCOPED_TRACE(logs[log] + ", " + std::to_string(left) + " of " + std::to_string(size));
      Restore();
      fs::resize_file(logs[log], std::clamp(left, std::min(kept, size), size));
      const auto opened = Open();
      if (opened.ok()) EveryRow(**opened, kRows);
    }
    for (const uint64_t at : {4, 5, 6}) {  // a record's length, kind
      if (kept + at >= size) continue;
      SCOPED_TRACE(logs[log] + " at " + std::to_string(at));
      Restore();
      Flip(logs[log], (log > 0 ? 0 : kRecordBytes) + at, 6);
      const auto opened = Open();
      if (opened.ok()) EveryRow(**opened, kRows);
    }
  }
}

TEST_F(DamageTest, I5_AFileOfAnotherStoreIsRefusedOrChangesNothing) {
  constexpr int kRows = 1500;
  options_.write_buffer_bytes = 128 << 10;
  Write(kRows);
  const std::string other = root_ + "/other";
  fs::rename(store_, other);
  Write(kRows - 700);
  KeepCopy();
  for (const auto& file : fs::directory_iterator(kept_)) {
    const std::string name = file.path().filename().string();
    for (const auto& theirs : fs::directory_iterator(other)) {
      const std::string their_name = theirs.path().filename().string();
      if (KindOf(their_name) != KindOf(name)) continue;
      SCOPED_TRACE(their_name + " in place of " + name);
      Restore();
      fs::remove(store_ + "/" + name);
      fs::copy_file(theirs.path(), store_ + "/" + name);
      const auto opened = Open();
      if (opened.ok()) EveryRow(**opened, kRows - 700);
    }
  }
}

// Some spaces fill up before others, so that several write-ahead logs are needed.
TEST_F(DamageTest, I4_WhatAPowerCutLeavesOfBufferedCommitsIsAPrefix) {
  constexpr int kCommits = 1200;
  options_.write_buffer_bytes = 128 << 10;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    fs::remove_all(root_ + "/machine");
    disk_ = std::make_unique<FaultyFileSystem>(root_ + "/scratch");
    options_.env = disk_->env();
    {
      const auto store = Open();
      ASSERT_TRUE(store.ok()) << store.status();
      disk_->CutPowerAt(disk_->operations() + 100 * seed);
      for (int i = 1; i <= kCommits; ++i) {
        StoreBatch batch;
        batch.Put(Space::kLog, std::to_string(i), std::string(100, 'v'));
        if (i % 40 == 0) batch.Put(Space::kIndex, std::to_string(i), "row");
        if (!(*store)->Commit(batch, Sync::kBuffered).ok()) break;
      }
    }
    disk_->LosePower(seed % 2 == 0 ? FaultyFileSystem::Unsynced::kTorn
                                   : FaultyFileSystem::Unsynced::kLost);
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    std::string value;
    int last = 0;
    while ((*store)->Get(Space::kLog, std::to_string(last + 1), &value).value()) ++last;
    for (int i = last + 1; i <= kCommits; ++i) {
      ASSERT_FALSE((*store)->Get(Space::kLog, std::to_string(i), &value).value())
          << i << " is there, but not " << last + 1;
    }
  }
}

}  // namespace
}  // namespace intentlog
