// Backups are whole or not there, and a restore gives what was, or says why not (I38).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "eventlog/log/chain.h"
#include "eventlog/log/coding.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "server/backup/restore_backup.h"
#include "server/backup/write_backup.h"
#include "server/options.h"
#include "xxhash.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BackupTest : public testing::Test {
 protected:
  BackupTest()
      : root_(Cat(testing::TempDir(), "/",
                  testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(root_);
  }

  // Appends `events` to the log of tenant "shop".
  void Record(int events) {
    const auto engine = *RocksdbEngine::Open(ServerLogDir(data_), StoreOptions());
    const auto log = *EventLog::Open(*engine, "shop", EpochId::FromBytes(std::string(16, 'e')),
                                     EventLogOptions());
    ASSERT_TRUE(log->Fence().ok());
    EventGroup group(log->head(), EventLogOptions());
    Intent intent;
    intent.set_scope("shared");
    const std::string bytes = intent.SerializeAsString();
    for (int i = 0; i < events; ++i) {
      Header header;
      header.set_position(group.next().value());
      header.set_log_id(std::string(16, 'l'));
      header.set_count(header.position());
      header.set_decision(ACCEPTED);
      group.Add(header, header.SerializeAsString(), bytes, "shared");
      intentlog::Run run;
      run.set_first_count(header.count());
      run.set_first_position(header.position());
      run.set_length(1);
      hash_ = NextLogHash(hash_, bytes);
      run.set_hash_after(std::string(Bytes(hash_)));
      group.AddRun(LogId::FromBytes(std::string(16, 'l')), run);
    }
    ASSERT_TRUE(log->Append(std::move(group)).ok());
  }

  absl::StatusOr<FoundBackup> Back() {
    clock_.Advance(absl::Hours(24));
    return BackUpFolder(data_, backups_, /*accepted=*/2, clock_);
  }
  absl::StatusOr<Restored> Restore(const std::string& from, bool accept_loss = false) {
    RestoreOptions options;
    options.accept_loss = accept_loss;
    return RestoreBackup(from, target_, options, random_);
  }

  const std::string root_;
  const std::string data_ = root_ + "/data";
  const std::string backups_ = root_ + "/backups";
  const std::string target_ = root_ + "/restored";
  ManualClock clock_;
  SeededRandom random_{1};
  ChainValue hash_ = {};
};

TEST_F(BackupTest, GivesBackWhatWasThereInANewEpoch) {
  Record(5);
  const auto backup = Back();
  ASSERT_TRUE(backup.ok()) << backup.status();
  Record(3);
  const auto restored = Restore(backup->dir);
  ASSERT_TRUE(restored.ok()) << restored.status();
  ASSERT_EQ(restored->logs.size(), 1u);
  EXPECT_EQ(restored->logs[0].position, 5u);
  EXPECT_EQ(restored->logs[0].epoch.number(), 2u);
  EXPECT_EQ(restored->logs[0].epoch.first_position(), 6u);
  const auto engine = *RocksdbEngine::Open(ServerLogDir(target_), StoreOptions());
  const auto log = *EventLog::Open(*engine, "shop", EpochId(), EventLogOptions());
  EXPECT_EQ(log->head().position, Position(5));
  EXPECT_EQ(log->epochs().size(), 2u);
}

TEST_F(BackupTest, TheNewestIsTakenFromAFolderOfThem) {
  Record(5);
  ASSERT_TRUE(Back().ok());
  Record(3);
  ASSERT_TRUE(Back().ok());
  EXPECT_EQ(Restore(backups_)->logs[0].position, 8u);
}

TEST_F(BackupTest, OneOlderThanDevicesWereToldNeedsAWord) {
  Record(5);
  const auto oldest = Back();
  Record(3);
  ASSERT_TRUE(Back().ok());
  ASSERT_TRUE(Restore(oldest->dir).ok());  // two are accepted
  fs::remove_all(target_);
  Record(1);
  ASSERT_TRUE(Back().ok());
  const auto refused = Restore(oldest->dir);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(refused.status().ToString(), HasSubstr("through 8 is safe"));
  EXPECT_FALSE(fs::exists(target_));
  const auto restored = Restore(oldest->dir, /*accept_loss=*/true);
  EXPECT_EQ(restored->logs[0].newer_position, 9u);
  EXPECT_EQ(restored->logs[0].announced, 8u);
}

TEST_F(BackupTest, DevicesMayTrimWhatTheOldestAcceptedOneCovers) {
  Record(5);
  EXPECT_EQ(Back()->manifest.logs(0).announced(), 5u);
  Record(3);
  EXPECT_EQ(Back()->manifest.logs(0).announced(), 5u);
  Record(1);
  EXPECT_EQ(Back()->manifest.logs(0).announced(), 8u);
}

TEST_F(BackupTest, AChangedMissingOrAddedFileIsNamed) {
  Record(5);
  const auto backup = Back();
  for (const BackupManifest::File& file : backup->manifest.files()) {
    if (file.bytes() == 0) continue;
    const std::string path = Cat(backup->dir, "/", file.path());
    const std::string kept = path + ".kept";
    fs::copy_file(path, kept);
    {
      std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekg(static_cast<std::streamoff>(file.bytes() / 2));
      const int was = bytes.get();
      bytes.seekp(static_cast<std::streamoff>(file.bytes() / 2));
      bytes.put(static_cast<char>(was ^ 1));
    }
    fs::rename(kept, root_ + "/kept");
    auto damaged = Restore(backup->dir);
    EXPECT_TRUE(absl::IsDataLoss(damaged.status())) << file.path();
    EXPECT_THAT(damaged.status().ToString(), HasSubstr(file.path()));
    fs::remove(path);
    damaged = Restore(backup->dir);
    EXPECT_THAT(damaged.status().ToString(), HasSubstr("is missing"));
    fs::rename(root_ + "/kept", path);
    EXPECT_FALSE(fs::exists(target_));
  }
  std::ofstream(backup->dir + "/log/added") << "x";
  EXPECT_THAT(Restore(backup->dir).status().ToString(), HasSubstr("is no file of this backup"));
}

TEST_F(BackupTest, ADamagedManifestIsNoBackup) {
  Record(5);
  const auto backup = Back();
  const std::string path = Cat(backup->dir, "/", kManifestName);
  const uint64_t size = fs::file_size(path);
  for (uint64_t at = 0; at < size; at += 7) {
    std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const int was = bytes.get();
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(was ^ 16));
    bytes.close();
    EXPECT_TRUE(absl::IsDataLoss(ReadManifest(backup->dir).status())) << at;
    std::fstream again(path, std::ios::in | std::ios::out | std::ios::binary);
    again.seekp(static_cast<std::streamoff>(at));
    again.put(static_cast<char>(was));
  }
  fs::resize_file(path, size - 1);
  EXPECT_TRUE(absl::IsDataLoss(ReadManifest(backup->dir).status()));
}

// The folder of a backup whose manifest is these bytes, with the right checksum.
std::string FolderWith(const std::string& dir, std::string manifest) {
  AppendBig64(manifest, XXH3_64bits(manifest.data(), manifest.size()));
  fs::create_directories(dir);
  std::ofstream(Cat(dir, "/", kManifestName), std::ios::binary) << manifest;
  return dir;
}

TEST_F(BackupTest, I33_AManifestThatCannotBeOneIsRefused) {
  BackupManifest manifest;
  manifest.add_logs()->set_tenant("north");
  manifest.add_logs()->set_tenant("south");
  const auto read = [&] {
    return ReadManifest(FolderWith(root_ + "/made", manifest.SerializeAsString())).status();
  };
  EXPECT_TRUE(read().ok()) << read();
  manifest.mutable_logs(1)->set_tenant("north");  // twice
  EXPECT_THAT(read().ToString(), HasSubstr("the order of its logs"));
  manifest.mutable_logs(1)->set_tenant("");
  EXPECT_TRUE(absl::IsDataLoss(read())) << read();
  manifest.clear_logs();
  manifest.add_files()->set_path("log/2");
  manifest.add_files()->set_path("log/1");
  EXPECT_THAT(read().ToString(), HasSubstr("the order of its files"));
  // Of two bytes each, and of many more in memory.
  std::string files;
  for (int i = 0; i < 1 << 19; ++i) files.append("\x2a\x00", 2);
  EXPECT_TRUE(absl::IsDataLoss(ReadManifest(FolderWith(root_ + "/empty", files)).status()));
}

TEST_F(BackupTest, NothingIsRestoredOverSomethingElse) {
  Record(5);
  const auto backup = Back();
  fs::create_directories(target_);
  std::ofstream(target_ + "/file") << "of somebody";
  EXPECT_TRUE(absl::IsFailedPrecondition(Restore(backup->dir).status()));
  EXPECT_TRUE(fs::exists(target_ + "/file"));
  EXPECT_THAT(Restore(root_).status().ToString(), HasSubstr("is no backup and holds none"));
}

}  // namespace
}  // namespace intentlog
