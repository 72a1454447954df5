#include "eventlog/store/info_log.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "eventlog/store/faulty_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class InfoLogTest : public ::testing::Test {
 protected:
  InfoLogTest() : dir_(::testing::TempDir() + "/info_log_test") {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  ~InfoLogTest() override { std::filesystem::remove_all(dir_); }

  std::string Read(const std::string& name) const {
    std::ifstream file(dir_ + "/" + name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  const std::string dir_;
};

TEST_F(InfoLogTest, WarningsAreKeptTheRestIsNot) {
  const auto log = MakeInfoLog(rocksdb::Env::Default(), dir_);
  rocksdb::Header(log.get(), "all options");
  rocksdb::Info(log.get(), "opened");
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/LOG"));
  rocksdb::Warn(log.get(), "slow: %d ms", 17);
  EXPECT_THAT(Read("LOG"), HasSubstr("slow: 17 ms\n"));
  EXPECT_THAT(Read("LOG"), Not(HasSubstr("opened")));
  rocksdb::Error(log.get(), "%s", std::string(10000, 'x').c_str());
  EXPECT_THAT(Read("LOG"), HasSubstr(std::string(1000, 'x')));
}

TEST_F(InfoLogTest, TwoFilesAreKept) {
  for (const char* const run : {"first", "second"}) {
    rocksdb::Error(MakeInfoLog(rocksdb::Env::Default(), dir_).get(), "%s", run);
  }
  EXPECT_THAT(Read("LOG.old"), HasSubstr("first"));
  EXPECT_THAT(Read("LOG"), HasSubstr("second"));
  const auto log = MakeInfoLog(rocksdb::Env::Default(), dir_, /*bytes_max=*/1000);
  for (int i = 0; i < 100; ++i) rocksdb::Error(log.get(), "line %d", i);
  EXPECT_THAT(Read("LOG"), HasSubstr("line 99\n"));
  EXPECT_LE(Read("LOG").size() + Read("LOG.old").size(), 2000u);
}

TEST_F(InfoLogTest, ADiskThatTakesNothingIsNoFailure) {
  FaultyFileSystem disk(dir_ + "/scratch");
  const auto log = MakeInfoLog(disk.env(), dir_);
  rocksdb::Error(log.get(), "before");
  disk.FailAt(FaultyFileSystem::Operation::kAny, disk.operations() + 1,
              FaultyFileSystem::Error::kNoSpace, /*for_good=*/true);
  for (int i = 0; i < 3; ++i) rocksdb::Error(log.get(), "after");
  EXPECT_TRUE(disk.happened());
  const auto late = MakeInfoLog(disk.env(), dir_ + "/late");
  rocksdb::Error(late.get(), "after");
  EXPECT_THAT(Read("late/LOG"), IsEmpty());
}

}  // namespace
}  // namespace intentlog
