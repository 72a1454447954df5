// The intentlog command on a disk of four MiB that somebody fills: one clear line instead of a
// crash, nothing acknowledged is lost, and it heals when there is space.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/kill_shop.h"
#include "tests/integration/process.h"

namespace intentlog {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A mount namespace of this process's own, as root or in a user namespace. 0, or errno.
int EnterNamespace() {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : errno;
}

class FullDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    static const int entered = EnterNamespace();
    if (entered == 0 && Mount(4)) return;
    const int error = entered != 0 ? entered : errno;
    GTEST_SKIP() << "no tmpfs can be mounted here: " << std::strerror(error);
  }
  void TearDown() override {
    if (mounted_) umount2(disk_.c_str(), MNT_DETACH);
  }

  // An empty disk in the place of the one that was there.
  bool Mount(int mib) {
    TearDown();
    const std::string options = "mode=700,size=" + std::to_string(mib) + "m";
    mounted_ = mount("none", disk_.c_str(), "tmpfs", 0, options.c_str()) == 0;
    return mounted_;
  }

  uint64_t Free() const {
    struct statvfs info = {};
    EXPECT_EQ(statvfs(disk_.c_str(), &info), 0);
    return uint64_t{info.f_bavail} * info.f_bsize;
  }
  // Somebody else's file takes all but `kib` of what is free.
  void FillUpTo(uint64_t kib) {
    std::ofstream file(disk_ + "/filler", std::ios::app);
    const uint64_t free = Free();
    if (free > kib << 10) file << std::string(free - (kib << 10), 'x');
  }
  void FreeSpace() { std::filesystem::remove(disk_ + "/filler"); }

  static std::string Line(int order) {
    return json{
        {"order_id", std::to_string(order)}, {"product_id", "milk"},        {"quantity", 1},
        {"unit_price_micros", 1250000},      {"sold_at_us", 1700000000000}, {"country", "France"}}
        .dump();
  }
  // `lines` order lines as one batch.
  static Ran Append(const std::string& dir, int lines) {
    std::string input;
    for (int i = 0; i < lines; ++i) input += Line(i) + "\n";
    return RunIntentlog({"device", "append", "--dir", dir, "OrderLineAdded", "-"}, input);
  }
  static void ExpectRefused(const Ran& ran) {
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("disk full: "));
    EXPECT_THAT(ran.err, HasSubstr("KiB are free where "));
    EXPECT_THAT(ran.err, HasSubstr("free some space and try again"));
  }
  static json RunJson(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Ran ran = RunIntentlog(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return json::parse(ran.out, nullptr, /*allow_exceptions=*/false);
  }
  // What reading says of the device, on a disk as it is.
  static void ExpectRecorded(const std::string& dir, int count) {
    EXPECT_EQ(RunJson({"device", "status", "--dir", dir})["recorded"], count);
    const Ran dump = RunIntentlog({"view", "dump", "stock", "--tsv", "--dir", dir});
    EXPECT_EQ(dump.exit_code, 0) << dump.err;
    EXPECT_THAT(dump.out, HasSubstr(std::to_string(-count)));
  }

  const std::string disk_ = FreshFolder("disk");
  bool mounted_ = false;
};

TEST_F(FullDiskTest, I6_ANewFolderOnAFullDiskIsRefusedInOneLineAndNotMade) {
  for (const uint64_t kib : {0, 4, 16, 60, 120, 500, 1000}) {
    FillUpTo(kib);
    ExpectRefused(Append(disk_ + "/device", 1));
    EXPECT_FALSE(std::filesystem::exists(disk_ + "/device")) << kib;
    FreeSpace();
  }
  EXPECT_EQ(Append(disk_ + "/device", 1).exit_code, 0);
}

TEST_F(FullDiskTest, ASmallDiskIsTakenByWhatIsRecordedNotByWhatIsAllocatedAhead) {
  for (const int mib : {4, 5, 6, 8, 12, 16, 24}) {
    ASSERT_TRUE(Mount(mib));
    EXPECT_EQ(Append(disk_ + "/device", 1).exit_code, 0) << mib;
    EXPECT_EQ(Append(disk_ + "/device", 1).exit_code, 0) << mib;
  }
}

TEST_F(FullDiskTest, I6_ADeviceIsReadOnAFullDiskAndGoesOnWhenThereIsSpace) {
  const std::string dir = disk_ + "/device";
  FillUpTo(2500);
  int acknowledged = 0;
  Ran ran = Append(dir, 500);
  for (; ran.exit_code == 0; ran = Append(dir, 500)) {
    acknowledged += 500;
    ASSERT_LT(acknowledged, 100'000);
  }
  ExpectRefused(ran);
  EXPECT_GE(acknowledged, 500);
  for (const uint64_t kib : {1000, 300, 100, 16, 0}) {
    FillUpTo(kib);
    ExpectRecorded(dir, acknowledged);
    ExpectRefused(Append(dir, 1));
  }
  FreeSpace();
  EXPECT_EQ(Append(dir, 1).exit_code, 0);
  ExpectRecorded(dir, acknowledged + 1);
}

TEST_F(FullDiskTest, I6_AServerOnAFullDiskIsReadTakesNothingAndHealsByItself) {
  const std::string dir = FreshFolder("elsewhere") + "/device";
  ASSERT_EQ(Append(dir, 100).exit_code, 0);
  Background server({"serve", "--data", disk_ + "/data", "--listen", "127.0.0.1:0", "--json"});
  const std::string address =
      json::parse(server.ReadLine(), nullptr, /*allow_exceptions=*/false).value("address", "");
  const auto sync = [&](const std::string& wait) {
    return RunIntentlog({"device", "sync", "--dir", dir, "--server", address, "--wait", wait});
  };
  const auto head = [&] { return RunJson({"events", "stats", "--server", address})["head"]; };
  EXPECT_EQ(sync("20s").exit_code, 0);
  for (const uint64_t kib : {1200, 0}) {
    FillUpTo(kib);
    ASSERT_EQ(Append(dir, 50).exit_code, 0);
    EXPECT_EQ(sync("1500ms").exit_code, 1);
    EXPECT_EQ(head(), 100);
    EXPECT_EQ(RunIntentlog({"view", "dump", "stock", "--tsv", "--server", address}).exit_code, 0);
  }
  FreeSpace();
  const Ran healed = sync("30s");
  EXPECT_EQ(healed.exit_code, 0) << healed.err;
  EXPECT_EQ(head(), 200);
  EXPECT_EQ(server.Stop(SIGTERM), 0);
}

// A device that runs on: it says once that it can record nothing, is killed by nothing, and goes on
// by itself, in the same process.
TEST_F(FullDiskTest, I6_ARunningDeviceRefusesOnAFullDiskAndGoesOnInTheSameProcess) {
  integration::KillShop shop("full");
  ASSERT_TRUE(shop.StartServer());
  const std::string disk = shop.DirOf("disk");
  ASSERT_TRUE(std::filesystem::create_directory(disk));
  ASSERT_EQ(mount("none", disk.c_str(), "tmpfs", 0, "size=48m,mode=700"), 0);
  const std::string filler = disk + "/filler";
  const std::string till = "disk/till-1";
  shop.StartDevice(till);
  const auto await = [&](const std::function<bool()>& done) {
    for (int ms = 0; ms < 30'000 && !done(); ms += 5) usleep(5000);
    return done();
  };
  const auto says_failed = [&] {
    return shop.device(till).Output().find("failed") != std::string::npos;
  };
  ASSERT_TRUE(await([&] { return shop.Acknowledged(till) > 200; }));
  EXPECT_FALSE(says_failed());
  {
    std::ofstream file(filler, std::ios::binary);
    for (const std::string block(64 << 10, 'x'); file.write(block.data(), 64 << 10).flush();) {
    }
  }
  EXPECT_TRUE(await(says_failed));
  const uint64_t when_full = shop.Acknowledged(till);
  std::filesystem::remove(filler);
  EXPECT_TRUE(await([&] { return shop.Acknowledged(till) > when_full + 200; }))
      << "it does not go on: " << shop.Acknowledged(till) - when_full << " since there is space";
  shop.Finish({till});
  umount2(disk.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace intentlog
