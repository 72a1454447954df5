#include "eventlog/store/store.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = std::string(std::getenv("TEST_TMPDIR") ? std::getenv("TEST_TMPDIR") : "/tmp") +
           "/store_test_" + test->name();
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
};

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

TEST_F(StoreTest, SpacesAreApartAndABatchChangesThemTogether) {
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

TEST_F(StoreTest, ACursorWalksBothWaysInByteOrder) {
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

TEST_F(StoreTest, ASnapshotDoesNotSeeWhatComesLater) {
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

TEST_F(StoreTest, ABatchThatExpectsWhatIsNotSoChangesNothing) {
  auto store = Open();
  StoreBatch first;
  first.Expect(Space::kMeta, "term", std::nullopt);
  first.Put(Space::kMeta, "term", "1");
  ASSERT_TRUE(store->Commit(first, Sync::kDurable).ok());
  EXPECT_EQ(store->Commit(first, Sync::kDurable).code(), absl::StatusCode::kFailedPrecondition);

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

TEST_F(StoreTest, AStoreInUseIsRefusedToWritersAndReaders) {
  auto store = Open();
  for (const bool read_only : {false, true}) {
    options_.read_only = read_only;
    const absl::Status status = OpenError();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(Text(status)),
                HasSubstr(dir_ + " is in use by another process; stop it, or use --server"));
  }
}

TEST_F(StoreTest, AReaderSeesWhatWasSyncedAndMayNotWrite) {
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

TEST_F(StoreTest, AnotherRoleIsRefusedByName) {
  Open();
  options_.role = "server-log";
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Text(status)), HasSubstr("role \"device\", not \"server-log\""));
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

TEST_F(StoreTest, ANewerFormatIsRefused) {
  Put(*Open(), Space::kMeta, "identity", std::string("\x08\x63\x12\x06", 4) + "device");
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Text(status)), HasSubstr("format 99, newer than this program knows"));
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

}  // namespace
}  // namespace intentlog
