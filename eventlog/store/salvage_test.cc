// What can be read of a damaged store: all but what the damage touched.
#include "eventlog/store/salvage.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SalvageTest : public testing::Test {
 protected:
  SalvageTest() { fs::remove_all(dir_); }
  ~SalvageTest() override { fs::remove_all(dir_); }

  std::unique_ptr<Store> Open() {
    StoreOptions options;
    options.role = "device";
    auto store = Store::Open(dir_, options);
    INTENTLOG_CHECK(store.ok());
    return *std::move(store);
  }
  // A commit for each row, "1" to "rows", of so many bytes.
  void Write(int rows, size_t bytes) {
    const auto store = Open();
    for (int i = 1; i <= rows; ++i) {
      StoreBatch batch;
      batch.Put(Space::kLog, std::to_string(i), ValueOf(i, bytes));
      ASSERT_TRUE(store->Commit(batch, Sync::kDurable).ok());
    }
  }
  static std::string ValueOf(int row, size_t bytes) {
    std::string value = Cat("<row ", row, ">");
    value.resize(std::max(bytes, value.size()), '.');
    return value;
  }
  // The file with that row's value, and where that is in it.
  fs::path FileOf(int row, const std::string& extension, size_t* at) {
    for (const auto& file : fs::directory_iterator(dir_)) {
      if (file.path().extension() != extension) continue;
      *at = BytesOf(file).find(Cat("<row ", row, ">"));
      if (*at != std::string::npos) return file.path();
    }
    ADD_FAILURE() << "no file has row " << row;
    return {};
  }
  static std::string BytesOf(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void Put(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // The numbers of the rows of Write that are read, with their sizes.
  std::map<int, size_t> Read() {
    const auto lock = StoreLock::Take(nullptr, dir_);
    EXPECT_TRUE(lock.ok()) << lock.status();
    std::map<int, size_t> rows;
    salvaged_ = {};
    const auto use = [&rows](Space space, std::string_view key, std::string_view value) {
      if (space == Space::kLog) rows[std::stoi(std::string(key))] = value.size();
    };
    const absl::Status status = ReadSalvage(nullptr, dir_, use, &salvaged_);
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }

  const std::string dir_ = testing::TempDir() + "/salvage";
  Salvaged salvaged_;
};

TEST_F(SalvageTest, AFlippedBitAnywhereInARecordOfALogTakesThatRecordAlone) {
  Write(9, 20);
  size_t at = 0;
  const fs::path log = FileOf(5, ".log", &at);
  const std::string whole = BytesOf(log);
  size_t next = 0, before = 0;
  FileOf(6, ".log", &next);
  FileOf(4, ".log", &before);
  const size_t size = next - at;  // of a record
  EXPECT_EQ(at - before, size);
  EXPECT_EQ(Read().size(), 9u);
  EXPECT_THAT(salvaged_.damaged, IsEmpty());
  // From the end of record 4's value to that of record 5's: checksum, length, kind and all.
  for (size_t byte = at + 20 - size; byte < at + 20; ++byte) {
    SCOPED_TRACE(Cat("byte ", byte));
    std::string hurt = whole;
    hurt[byte] = static_cast<char>(hurt[byte] ^ 0x10);
    Put(log, hurt);
    const std::map<int, size_t> rows = Read();
    EXPECT_EQ(rows.size(), 8u);
    EXPECT_FALSE(rows.contains(5));
    EXPECT_THAT(salvaged_.damaged, ElementsAre(HasSubstr("no record begins at byte")));
  }
}

TEST_F(SalvageTest, ALogThatEndsWithinARecordIsNotDamaged) {
  Write(9, 20);
  size_t at = 0;
  const fs::path log = FileOf(9, ".log", &at);
  fs::resize_file(log, at + 5);
  EXPECT_EQ(Read().size(), 8u);
  EXPECT_THAT(salvaged_.damaged, IsEmpty());
  const std::string whole = BytesOf(log);
  Put(log, whole + std::string(100, '\0'));
  EXPECT_EQ(Read().size(), 8u);
  EXPECT_THAT(salvaged_.damaged, IsEmpty());
}

// A record is divided over blocks of 32 KiB.
TEST_F(SalvageTest, ALargeRecordIsLostWholeAndNoOther) {
  Write(6, 100'000);
  size_t at = 0;
  const fs::path log = FileOf(3, ".log", &at);
  const std::string whole = BytesOf(log);
  for (const size_t byte : {at, at + 50'000, at + 99'000}) {
    SCOPED_TRACE(Cat("byte ", byte - at));
    std::string hurt = whole;
    hurt[byte] = static_cast<char>(hurt[byte] ^ 1);
    Put(log, hurt);
    const std::map<int, size_t> rows = Read();
    EXPECT_EQ(rows.size(), 5u);
    EXPECT_FALSE(rows.contains(3));
    for (const auto& [row, bytes] : rows) EXPECT_EQ(bytes, 100'000u) << row;
    EXPECT_THAT(salvaged_.damaged, ElementsAre(HasSubstr("no record begins at byte")));
  }
}

TEST_F(SalvageTest, ATableIsReadFromBothEndsUpToTheDamage) {
  Write(400, 300);
  Open().reset();  // what lay in the log is in a table now
  size_t at = 0;
  const fs::path table = FileOf(200, ".sst", &at);
  std::string hurt = BytesOf(table);
  hurt[at] = static_cast<char>(hurt[at] ^ 1);
  Put(table, hurt);
  const std::map<int, size_t> rows = Read();
  EXPECT_LT(rows.size(), 400u);
  EXPECT_GT(rows.size(), 300u);
  EXPECT_FALSE(rows.contains(200));
  EXPECT_TRUE(rows.contains(1));
  EXPECT_TRUE(rows.contains(399));
  EXPECT_EQ(salvaged_.damaged.size(), 1u);
}

TEST_F(SalvageTest, OnlyAStoreThatNobodyUsesIsLocked) {
  EXPECT_TRUE(absl::IsNotFound(StoreLock::Take(nullptr, dir_).status()));
  auto store = Open();
  const absl::Status in_use = StoreLock::Take(nullptr, dir_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(in_use)) << in_use;
  EXPECT_THAT(in_use.ToString(), HasSubstr("in use by another process"));
  store.reset();
  EXPECT_TRUE(StoreLock::Take(nullptr, dir_).ok());
  store = Open();
}

TEST_F(SalvageTest, AFolderWithoutTablesAndLogsIsNoStore) {
  fs::create_directories(dir_);
  Salvaged salvaged;
  const auto use = [](Space, std::string_view, std::string_view) { FAIL(); };
  EXPECT_TRUE(absl::IsNotFound(ReadSalvage(nullptr, dir_, use, &salvaged)));
}

}  // namespace
}  // namespace intentlog
