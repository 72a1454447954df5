#include "eventlog/store/store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "eventlog/runtime/random.h"
#include "eventlog/store/memory_disk.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

namespace intentlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string_view Text(const absl::Status& status) {
  return std::string_view(status.message().data(), status.message().size());
}

enum class Form { kRocksdb, kMemory };

// What holds in both forms is a TEST_P of Stores; what has to do with files is of StoreTest.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(test.begin(), test.end(), '/', '_');
    dir_ = std::string(std::getenv("TEST_TMPDIR") ? std::getenv("TEST_TMPDIR") : "/tmp") +
           "/store_test_" + test;
    std::filesystem::remove_all(dir_);
    options_.role = "device";
  }
  ~StoreTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<Store> Open() {
    auto store = Store::Open(dir_, options_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? std::move(store).value() : nullptr;
  }
  absl::Status OpenError() { return Store::Open(dir_, options_).status(); }

  static void Put(Store& store, Space space, std::string_view key, std::string_view value) {
    StoreBatch batch;
    batch.Put(space, key, value);
    ASSERT_TRUE(store.Commit(batch, Sync::kDurable).ok());
  }
  static std::vector<std::string> Keys(StoreCursor& cursor) {
    std::vector<std::string> keys;
    for (; cursor.Valid(); cursor.Next()) keys.emplace_back(cursor.key());
    EXPECT_TRUE(cursor.status().ok());
    return keys;
  }

  std::string dir_;
  StoreOptions options_;
  MemoryDisk memory_;
};

class Stores : public StoreTest, public ::testing::WithParamInterface<Form> {
 protected:
  Stores() {
    if (GetParam() == Form::kMemory) options_.memory = &memory_;
  }
};
INSTANTIATE_TEST_SUITE_P(Forms, Stores, ::testing::Values(Form::kRocksdb, Form::kMemory),
                         [](const auto& form) {
                           return form.param == Form::kMemory ? "memory" : "rocksdb";
                         });

TEST_F(StoreTest, ALoadLeavesNoFileBesideTheDatabasesOwn) {
  const auto loads = [&] {
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator(dir_)) {
      count += file.path().filename().string().starts_with("load-") ? 1 : 0;
    }
    return count;
  };
  auto store = Open();
  auto load = store->Load(Space::kRows);
  ASSERT_TRUE(load->Put("row", "value").ok());
  EXPECT_EQ(loads(), 1);
  ASSERT_TRUE(load->Finish().ok());
  load = store->Load(Space::kRows);
  ASSERT_TRUE(load->Put("row", "other").ok());
  load.reset();
  EXPECT_EQ(loads(), 0);
  Put(*store, Space::kRows, "row", "after");
  store.reset();
  std::ofstream(dir_ + "/load-1") << "of a process that was killed";
  store = Open();
  EXPECT_EQ(loads(), 0);
  std::string value;
  EXPECT_TRUE(store->Get(Space::kRows, "row", &value).value());
}

TEST_F(StoreTest, WhatIsLeftOfALoadAndCannotBeRemovedIsNamed) {
  Open().reset();
  std::filesystem::create_directory(dir_ + "/load-1");
  const auto store = Store::Open(dir_, options_);
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(std::string(store.status().message()),
              testing::AllOf(testing::HasSubstr(dir_ + "/load-1"),
                             testing::HasSubstr("remove it by hand")));
}

TEST_F(StoreTest, ANewStoreIsMadeWithItsParentsAndOpensAgain) {
  dir_ += "/deep/down";
  {
    auto store = Open();
    Put(*store, Space::kIndex, "key", "value");
  }
  auto store = Open();
  std::string value;
  ASSERT_TRUE(store->Get(Space::kIndex, "key", &value).value());
  EXPECT_EQ(value, "value");
  EXPECT_FALSE(store->Get(Space::kIndex, "other", &value).value());
  EXPECT_FALSE(std::filesystem::exists(dir_ + ".tmp-new"));
  EXPECT_GT(store->disk_bytes(), 0u);
}

TEST_P(Stores, ALoadIsThereAsAWholeOnceItIsFinished) {
  {
    auto store = Open();
    Put(*store, Space::kRows, "row-0", "before");
    Put(*store, Space::kLog, "row-1", "elsewhere");
    const auto snapshot = store->Snapshot();
    auto load = store->Load(Space::kRows);
    for (const char* key : {"row-1", "row-3", "row-5"}) ASSERT_TRUE(load->Put(key, "loaded").ok());
    const auto cursor = store->Scan(Space::kRows);
    cursor->Seek("");
    EXPECT_THAT(Keys(*cursor), ElementsAre("row-0"));
    ASSERT_TRUE(load->Finish().ok());
    cursor->Seek("");
    EXPECT_THAT(Keys(*cursor), ElementsAre("row-0"));
    const auto after = store->Scan(Space::kRows);
    after->Seek("");
    EXPECT_THAT(Keys(*after), ElementsAre("row-0", "row-1", "row-3", "row-5"));
    Put(*store, Space::kRows, "row-5", "after");
  }
  auto store = Open();
  std::string value;
  for (const auto& [key, wanted] : {std::pair("row-0", "before"),
                                    {"row-1", "loaded"},
                                    {"row-3", "loaded"},
                                    {"row-5", "after"}}) {
    ASSERT_TRUE(store->Get(Space::kRows, key, &value).value()) << key;
    EXPECT_EQ(value, wanted);
  }
  ASSERT_TRUE(store->Get(Space::kLog, "row-1", &value).value());
  EXPECT_EQ(value, "elsewhere");
}

TEST_P(Stores, ALoadIsRefusedWhereARowIs) {
  {
    auto store = Open();
    Put(*store, Space::kRows, "row-3", "before");
    auto load = store->Load(Space::kRows);
    for (const char* key : {"row-1", "row-5"}) ASSERT_TRUE(load->Put(key, "loaded").ok());
    EXPECT_TRUE(absl::IsFailedPrecondition(load->Finish()));
    EXPECT_TRUE(store->failed().ok());
    Put(*store, Space::kRows, "row-4", "after");
  }
  auto store = Open();
  const auto cursor = store->Scan(Space::kRows);
  cursor->Seek("");
  EXPECT_THAT(Keys(*cursor), ElementsAre("row-3", "row-4"));
}

TEST_F(StoreTest, ALoadIsRefusedWhereSomethingIsLeftOfADeletedRow) {
  auto store = Open();
  Put(*store, Space::kRows, "row-3", "before");
  StoreBatch batch;
  batch.Delete(Space::kRows, "row-3");
  ASSERT_TRUE(store->Commit(batch, Sync::kDurable).ok());
  auto load = store->Load(Space::kRows);
  for (const char* key : {"row-1", "row-5"}) ASSERT_TRUE(load->Put(key, "loaded").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(load->Finish()));
  EXPECT_TRUE(store->failed().ok());
  Put(*store, Space::kRows, "row-1", "after");
  load.reset();
  store.reset();
  std::string value;
  EXPECT_TRUE(Open()->Get(Space::kRows, "row-1", &value).value());
}

TEST_P(Stores, ALoadThatIsEmptyOrNotFinishedLeavesNothing) {
  auto store = Open();
  EXPECT_TRUE(store->Load(Space::kRows)->Finish().ok());
  auto load = store->Load(Space::kRows);
  ASSERT_TRUE(load->Put("row", "never").ok());
  load.reset();
  std::string value;
  EXPECT_FALSE(store->Get(Space::kRows, "row", &value).value());
}

TEST_P(Stores, SpacesAreApartAndABatchChangesThemTogether) {
  auto store = Open();
  StoreBatch batch;
  EXPECT_TRUE(batch.empty());
  batch.Put(Space::kLog, "a", "log");
  batch.Put(Space::kRows, "a", "rows");
  batch.Put(Space::kRows, "b", "gone");
  batch.Delete(Space::kRows, "b");
  ASSERT_TRUE(store->Commit(batch, Sync::kBuffered).ok());
  ASSERT_TRUE(store->SyncLog().ok());
  std::string value;
  EXPECT_FALSE(store->Get(Space::kIndex, "a", &value).value());
  EXPECT_TRUE(store->Get(Space::kRows, "a", &value).value());
  EXPECT_EQ(value, "rows");
  EXPECT_FALSE(store->Get(Space::kRows, "b", &value).value());
}

TEST_P(Stores, ACursorWalksBothWaysInByteOrder) {
  auto store = Open();
  for (const char* key : {"b", "\xff", "a", "c"}) Put(*store, Space::kRows, key, key);
  auto cursor = store->Scan(Space::kRows);
  cursor->Seek("");
  EXPECT_THAT(Keys(*cursor), ElementsAre("a", "b", "c", "\xff"));
  cursor->SeekBack("bz");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), "b");
  cursor->Back();
  EXPECT_EQ(cursor->value(), "a");
  cursor->Back();
  EXPECT_FALSE(cursor->Valid());
}

TEST_P(Stores, ASnapshotDoesNotSeeWhatComesLater) {
  auto store = Open();
  Put(*store, Space::kRows, "a", "1");
  auto snapshot = store->Snapshot();
  Put(*store, Space::kRows, "a", "2");
  Put(*store, Space::kRows, "b", "2");
  std::string value;
  ASSERT_TRUE(snapshot->Get(Space::kRows, "a", &value).value());
  EXPECT_EQ(value, "1");
  auto cursor = snapshot->Scan(Space::kRows);
  cursor->Seek("");
  EXPECT_THAT(Keys(*cursor), ElementsAre("a"));
}

TEST_P(Stores, ABatchThatExpectsWhatIsNotSoChangesNothing) {
  auto store = Open();
  for (const bool is_first : {true, false}) {
    StoreBatch batch;
    batch.Expect(Space::kMeta, "term", std::nullopt);
    batch.Put(Space::kMeta, "term", "1");
    EXPECT_EQ(store->Commit(batch, Sync::kDurable).ok(), is_first);
  }

  StoreBatch older;
  older.Put(Space::kRows, "row", "of the older one");
  StoreBatch expectation;
  expectation.Expect(Space::kMeta, "term", "1");
  older.Append(std::move(expectation));
  Put(*store, Space::kMeta, "term", "2");
  const absl::Status refused = store->Commit(older, Sync::kBuffered);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(refused), HasSubstr("\"term\" was changed by somebody else"));
  std::string value;
  EXPECT_FALSE(*store->Get(Space::kRows, "row", &value));
  EXPECT_TRUE(store->failed().ok());
  older.Clear();
  older.Put(Space::kRows, "row", "of anybody");
  EXPECT_TRUE(store->Commit(older, Sync::kBuffered).ok());
}

TEST_P(Stores, ABatchIsEmptyOnceItWasWrittenAndWholeWhereItWasNot) {
  auto store = Open();
  StoreBatch batch;
  batch.Expect(Space::kMeta, "term", "1");
  const std::string large(300 << 10, 'v');
  for (const char* const key : {"a", "b", "c"}) batch.Put(Space::kRows, key, large);
  EXPECT_EQ(store->Commit(batch, Sync::kBuffered).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_GT(batch.bytes(), 3 * large.size());
  Put(*store, Space::kMeta, "term", "1");
  ASSERT_TRUE(store->Commit(batch, Sync::kBuffered).ok());
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0u);
  std::string value;
  EXPECT_TRUE(*store->Get(Space::kRows, "b", &value));
  EXPECT_EQ(value, large);
  batch.Put(Space::kRows, "d", "again");
  ASSERT_TRUE(store->Commit(batch, Sync::kBuffered).ok());
  EXPECT_TRUE(*store->Get(Space::kRows, "d", &value));
}

TEST_P(Stores, AStoreInUseIsRefusedToWritersAndReaders) {
  auto store = Open();
  for (const bool read_only : {false, true}) {
    options_.read_only = read_only;
    const absl::Status status = OpenError();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(Text(status)),
                HasSubstr(dir_ + " is in use by another process; stop it, or use --server"));
  }
}

TEST_P(Stores, AReaderSeesWhatWasSyncedAndMayNotWrite) {
  Put(*Open(), Space::kRows, "a", "1");
  options_.read_only = true;
  auto store = Open();
  std::string value;
  EXPECT_TRUE(store->Get(Space::kRows, "a", &value).value());
  StoreBatch batch;
  batch.Put(Space::kRows, "a", "2");
  EXPECT_EQ(store->Commit(batch, Sync::kDurable).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kFailedPrecondition);  // in use by that reader
}

TEST_P(Stores, AnotherRoleIsRefusedByName) {
  Open();
  options_.role = "server-log";
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Text(status)), HasSubstr("role \"device\", not \"server-log\""));
}

TEST_F(StoreTest, AnOpenStoreThatHoldsLittleTakesLittleDisk) {
  options_.write_buffer_bytes = 1 << 20;
  const auto store = Open();
  Put(*store, Space::kRows, "key", "value");
  uint64_t taken = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_)) {
    struct stat file = {};
    ASSERT_EQ(stat(entry.path().c_str(), &file), 0);
    taken += static_cast<uint64_t>(file.st_blocks) * 512;  // allocated ahead, too
  }
  EXPECT_LT(taken, 3u << 20);
}

TEST_F(StoreTest, AnAbsentStoreIsNotFoundUnlessItMayBeMade) {
  options_.create_if_missing = false;
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kNotFound);
  std::filesystem::create_directories(dir_);
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(dir_));
  options_.create_if_missing = true;
  EXPECT_NE(Open(), nullptr);  // an empty folder becomes a store
}

TEST_F(StoreTest, AFolderOfOtherFilesIsNoStoreAndStaysAsItIs) {
  std::filesystem::create_directories(dir_);
  std::ofstream(dir_ + "/notes.txt") << "mine";
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Text(status)), HasSubstr("holds no Intentlog store: no CURRENT file"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(StoreTest, AFileIsNoStore) {
  std::ofstream(dir_) << "mine";
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StoreTest, ADatabaseOfSomethingElseIsRefused) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, dir_, &db).ok());
  delete db;
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(Text(status)), HasSubstr("holds no Intentlog store"));
}

TEST_P(Stores, ANewerFormatIsRefused) {
  Put(*Open(), Space::kMeta, "identity", std::string("\x08\x63\x12\x06", 4) + "device");
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Text(status)), HasSubstr("format 99, newer than this program knows"));
}

TEST_P(Stores, AFormatIsRaisedWithTheBatchThatNeedsIt) {
  const auto format = [](const Store& store) {
    std::string bytes;
    EXPECT_TRUE(*store.Get(Space::kMeta, "identity", &bytes));
    return static_cast<int>(bytes.at(1));  // field 1, a varint
  };
  {
    auto store = Open();
    StoreBatch batch;
    EXPECT_TRUE(store->RequireFormat(1, batch).ok());
    EXPECT_TRUE(batch.empty()) << "it is of format 1";
    EXPECT_TRUE(store->RequireFormat(2, batch).ok());
    EXPECT_EQ(format(*store), 1) << "not before the commit";
    EXPECT_TRUE(store->Commit(batch, Sync::kDurable).ok());
  }
  auto store = Open();
  EXPECT_EQ(format(*store), 2);
  StoreBatch batch;
  EXPECT_TRUE(store->RequireFormat(1, batch).ok());
  EXPECT_TRUE(store->RequireFormat(2, batch).ok());
  EXPECT_TRUE(batch.empty()) << "it never goes back";
}

TEST_F(StoreTest, LeftoversOfACreationThatWasCutAreReplaced) {
  std::filesystem::create_directories(dir_ + ".tmp-new");
  std::ofstream(dir_ + ".tmp-new/MANIFEST-000001") << "torn";
  Put(*Open(), Space::kRows, "a", "1");
  EXPECT_FALSE(std::filesystem::exists(dir_ + ".tmp-new"));
}

TEST_F(StoreTest, I5_AFlippedBitInTheWriteAheadLogIsNeverServed) {
  {
    auto store = Open();
    for (int i = 0; i < 100; ++i) {
      Put(*store, Space::kRows, std::to_string(i), std::string(1000, 'v'));
    }
  }
  for (const auto& file : std::filesystem::directory_iterator(dir_)) {
    if (file.path().extension() != ".log" || file.file_size() < 50000) continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(file.file_size() / 2));
    bytes.put('\x55');
  }
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(Text(status)), HasSubstr(dir_ + " is damaged"));
}

TEST_P(Stores, ACursorSeesTheStoreAsItWasWhateverComesLater) {
  auto store = Open();
  for (const char* key : {"a", "b", "c"}) Put(*store, Space::kRows, key, "1");
  auto before = store->Scan(Space::kRows);
  StoreBatch batch;
  batch.Delete(Space::kRows, "b");
  batch.Put(Space::kRows, "bb", "2");
  batch.Put(Space::kRows, "c", "2");
  ASSERT_TRUE(store->Commit(batch, Sync::kBuffered).ok());
  auto between = store->Scan(Space::kRows);
  Put(*store, Space::kRows, "b", "3");
  Put(*store, Space::kRows, "c", "3");
  before->Seek("");
  EXPECT_THAT(Keys(*before), ElementsAre("a", "b", "c"));
  before->SeekBack("c");
  EXPECT_EQ(before->value(), "1");
  between->Seek("");
  EXPECT_THAT(Keys(*between), ElementsAre("a", "bb", "c"));
  between->SeekBack("c");
  EXPECT_EQ(between->value(), "2");
  before.reset();
  between.reset();
  auto after = store->Scan(Space::kRows);
  after->Seek("");
  EXPECT_THAT(Keys(*after), ElementsAre("a", "b", "bb", "c"));
}

TEST_P(Stores, ACopyOfAnOpenStoreIsAStoreAsOfThatMoment) {
  auto store = Open();
  Put(*store, Space::kRows, "a", "1");
  ASSERT_TRUE(store->CopyTo(dir_ + "-copy").ok());
  Put(*store, Space::kRows, "a", "2");
  EXPECT_FALSE(store->CopyTo(dir_ + "-copy").ok());
  auto copy = Store::Open(dir_ + "-copy", options_);
  ASSERT_TRUE(copy.ok()) << copy.status();
  std::string value;
  ASSERT_TRUE(*(*copy)->Get(Space::kRows, "a", &value));
  EXPECT_EQ(value, "1");
  copy->reset();
  std::filesystem::remove_all(dir_ + "-copy");
}

TEST_P(Stores, AStoreThatMayNotBeMadeIsNotFound) {
  options_.create_if_missing = false;
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kNotFound);
  options_.create_if_missing = true;
  options_.read_only = true;
  EXPECT_EQ(OpenError().code(), absl::StatusCode::kNotFound);
}

// ---- in memory: faults

class MemoryDiskTest : public StoreTest {
 protected:
  MemoryDiskTest() { options_.memory = &memory_; }
  void Number(Store& store, int number, Sync sync) {
    StoreBatch batch;
    batch.Put(Space::kLog, std::string(1, static_cast<char>('a' + number)), "");
    batch.Put(Space::kMeta, "last", std::to_string(number));
    ASSERT_TRUE(store.Commit(batch, sync).ok());
  }
  // How many are there, if they are a prefix and agree with "last".
  size_t Numbered() {
    auto store = Open();
    auto cursor = store->Scan(Space::kLog);
    cursor->Seek("");
    const size_t count = Keys(*cursor).size();
    std::string last = "-1";
    EXPECT_TRUE(store->Get(Space::kMeta, "last", &last).ok());
    EXPECT_EQ(last, std::to_string(static_cast<int>(count) - 1));
    return count;
  }
};

TEST_F(MemoryDiskTest, I1_APowerCutLeavesAPrefixWithAllThatWasSynced) {
  std::vector<bool> seen(8);
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    memory_.Remove(dir_);
    {
      auto store = Open();
      for (int i = 0; i < 7; ++i) Number(*store, i, i == 2 ? Sync::kDurable : Sync::kBuffered);
    }
    EXPECT_EQ(memory_.unsynced(dir_), 4u);
    SeededRandom random(seed);
    memory_.CutPower(dir_, random);
    const size_t left = Numbered();
    EXPECT_GE(left, 3u);
    seen[left] = true;
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 5);  // 3, 4, 5, 6 and 7
}

TEST_F(MemoryDiskTest, TheEndOfTheProcessTakesNothing) {
  Number(*Open(), 0, Sync::kBuffered);
  EXPECT_EQ(Numbered(), 1u);
  SeededRandom random(1);
  memory_.CutPower(dir_, random);  // opening made it durable, as it does with RocksDB
  EXPECT_EQ(Numbered(), 1u);
}

TEST_F(MemoryDiskTest, I6_AfterAFailedWriteNothingIsWrittenUntilItIsOpenedAgain) {
  for (const WriteFate fate : {WriteFate::kFails, WriteFate::kFailsButDone}) {
    memory_.Remove(dir_);
    {
      auto store = Open();
      Number(*store, 0, Sync::kDurable);
      memory_.OnWrite([&](const std::string&, Sync) { return fate; });
      StoreBatch batch;
      batch.Put(Space::kLog, "b", "");
      batch.Put(Space::kMeta, "last", "1");
      EXPECT_EQ(store->Commit(batch, Sync::kDurable).code(), absl::StatusCode::kUnavailable);
      memory_.OnWrite(nullptr);
      EXPECT_FALSE(store->Commit(batch, Sync::kDurable).ok());
      EXPECT_FALSE(store->SyncLog().ok());
      EXPECT_FALSE(store->failed().ok());
      std::string value;
      EXPECT_TRUE(*store->Get(Space::kLog, "a", &value));
    }
    EXPECT_EQ(Numbered(), fate == WriteFate::kFails ? 1u : 2u);
  }
}

TEST_F(MemoryDiskTest, AFullDiskRefusesAndHealsByItself) {
  auto store = Open();
  memory_.SetFull(dir_, true);
  StoreBatch batch;
  batch.Put(Space::kLog, "a", "");
  EXPECT_EQ(store->Commit(batch, Sync::kDurable).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(store->CheckRoom(1).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(store->failed().ok());
  store.reset();
  store = Open();  // to be read
  EXPECT_FALSE(store->failed().ok());
  memory_.SetFull(dir_, false);
  EXPECT_TRUE(store->CheckReopen().ok());
  store.reset();
  EXPECT_TRUE(Open()->Commit(batch, Sync::kDurable).ok());
}

TEST_F(MemoryDiskTest, ACopyIsTheStoreAsItWas) {
  {
    auto store = Open();
    Number(*store, 0, Sync::kBuffered);
    memory_.Copy(dir_, dir_ + "-copy");
    Number(*store, 1, Sync::kBuffered);
  }
  EXPECT_EQ(Numbered(), 2u);
  dir_ += "-copy";
  EXPECT_EQ(Numbered(), 1u);
}

}  // namespace
}  // namespace intentlog
