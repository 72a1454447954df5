// A device's folder that is damaged, repaired, and in use again; and repairs that are cut off.
#include "client/repair.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/test_shop.h"
#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

// Before each change of a folder, and each sync, of this process. None: nothing.
std::function<void()>& BeforeChange() {
  static auto* const hook = new std::function<void()>;
  return *hook;
}
long Changed(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  if (BeforeChange()) BeforeChange()();
  return syscall(number, a, b, c, d, e);
}
long Of(const char* path) { return reinterpret_cast<long>(path); }

}  // namespace

// In place of the C library's.
extern "C" {
int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(Changed(SYS_renameat2, AT_FDCWD, Of(from), AT_FDCWD, Of(to), 0));
}
int renameat2(int a, const char* from, int b, const char* to, unsigned how) noexcept {
  return static_cast<int>(Changed(SYS_renameat2, a, Of(from), b, Of(to), how));
}
int mkdir(const char* path, mode_t mode) noexcept {
  return static_cast<int>(Changed(SYS_mkdirat, AT_FDCWD, Of(path), mode));
}
int unlink(const char* path) noexcept {
  return static_cast<int>(Changed(SYS_unlinkat, AT_FDCWD, Of(path), 0));
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  return static_cast<int>(Changed(SYS_unlinkat, folder, Of(path), flags));
}
int fsync(int fd) { return static_cast<int>(Changed(SYS_fsync, fd)); }
int fdatasync(int fd) { return static_cast<int>(Changed(SYS_fdatasync, fd)); }
}

namespace intentlog {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kRepairUntil[] = "--repair-until";  // FOLDER NTH
const absl::Time kNow = absl::FromUnixSeconds(1'767'268'800);

std::string BytesOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class RepairTest : public testing::Test {
 protected:
  RepairTest()
      : shop_(Cat("repair_", testing::UnitTest::GetInstance()->current_test_info()->line())) {}
  ~RepairTest() override {
    for (const std::string& path : Beside()) fs::remove_all(path);
  }
  const std::string& dir() { return shop_.options().dir; }

  // Orders "first" to "last", of one line each.
  void Sell(int first, int last) {
    for (int i = first; i <= last; ++i) {
      intents_.push_back(shop_.Sell(Cat("order-", i), "milk", 1).intent_id);
    }
  }
  // Changes a byte of the record of that order in the write-ahead log.
  void Hurt(int order) {
    shop_.Stop();
    ASSERT_TRUE(Change(Cat("order-", order), [](std::string& bytes, size_t at) {
      bytes[at] = static_cast<char>(bytes[at] ^ 4);
    }));
  }
  bool Change(const std::string& text, const std::function<void(std::string&, size_t)>& change) {
    for (const auto& file : fs::directory_iterator(dir())) {
      if (file.path().extension() != ".log") continue;
      std::string bytes = BytesOf(file.path());
      const size_t at = bytes.find(text);
      if (at == std::string::npos) continue;
      change(bytes, at);
      std::ofstream(file.path(), std::ios::binary) << bytes;
      return true;
    }
    return false;
  }
  RepairedLog Repair() {
    const auto repaired = RepairDevice(dir(), kNow);
    EXPECT_TRUE(repaired.ok()) << repaired.status();
    if (!repaired.ok()) return {};
    EXPECT_TRUE(fs::exists(repaired->set_aside));
    EXPECT_EQ(repaired->logs.size(), 1u);
    return repaired->logs.empty() ? RepairedLog() : repaired->logs[0];
  }
  // The folder's neighbours that a repair made.
  std::vector<std::string> Beside() {
    const std::string begin = fs::path(dir()).filename().string() + ".";
    std::vector<std::string> found;
    for (const auto& one : fs::directory_iterator(fs::path(dir()).parent_path())) {
      if (one.path().filename().string().starts_with(begin)) found.push_back(one.path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  // Nothing beside the folder is half done, and what was damaged is there, byte for byte.
  void ExpectDamagedKept(const std::string& kept) {
    bool found = false;
    for (const std::string& path : Beside()) {
      EXPECT_THAT(path, HasSubstr(".damaged-"));
      bool equal = true;
      for (const auto& file : fs::directory_iterator(kept)) {
        const fs::path name = file.path().filename();
        equal = equal && BytesOf(file) == BytesOf(fs::path(path) / name);
      }
      found = found || equal;
    }
    EXPECT_TRUE(found);
  }
  std::string LogOf() { return std::string(shop_.client().Status().log_id.bytes()); }

  TestShop shop_;
  std::vector<IntentId> intents_;
};

std::vector<std::pair<uint64_t, uint64_t>> Pairs(const std::vector<CountRange>& ranges) {
  std::vector<std::pair<uint64_t, uint64_t>> pairs;
  for (const CountRange& range : ranges) {
    pairs.emplace_back(range.first.value(), range.last.value());
  }
  return pairs;
}

TEST_F(RepairTest, WhatTheServerHasIsNoLossAndAllThatWaitsGoesOn) {
  Sell(1, 20);
  shop_.Sync();
  const std::string log = LogOf();
  shop_.client().StopSync();
  Sell(21, 30);
  Hurt(7);
  const RepairedLog repaired = Repair();
  EXPECT_THAT(Pairs(repaired.unreadable), ElementsAre(std::pair(7, 7)));
  EXPECT_EQ(repaired.receipted, Count(20));
  EXPECT_EQ(repaired.kept.first, Count(8));
  EXPECT_EQ(repaired.kept.last, Count(30));
  EXPECT_EQ(repaired.left_aside, 0u);
  shop_.Open();
  EXPECT_EQ(LogOf(), log);
  shop_.Sync();
  EXPECT_EQ(shop_.server().PositionsOf(log).size(), 30u);
  EXPECT_EQ(shop_.client().Status().counts.pending, 0u);
  EXPECT_EQ(shop_.ConfirmedStock("milk"), -30);
  for (size_t i = 7; i < intents_.size(); ++i) {
    EXPECT_TRUE(shop_.client().Find(intents_[i]).ok()) << i;
  }
  Sell(31, 31);
  shop_.Sync();
  EXPECT_EQ(shop_.server().PositionsOf(log).size(), 31u);
}

TEST_F(RepairTest, WhatIsBehindAGapThatNoReceiptCoversStaysAside) {
  Sell(1, 5);
  shop_.Sync();
  const std::string log = LogOf();
  shop_.client().StopSync();
  Sell(6, 20);
  Hurt(11);
  const RepairedLog repaired = Repair();
  EXPECT_THAT(Pairs(repaired.unreadable), ElementsAre(std::pair(11, 11)));
  EXPECT_EQ(repaired.kept.last, Count(10));
  EXPECT_EQ(repaired.left_aside, 9u);
  shop_.Open();
  shop_.Sync();
  EXPECT_EQ(shop_.server().PositionsOf(log).size(), 10u);
  EXPECT_EQ(shop_.ConfirmedStock("milk"), -10);
  Sell(21, 22);
  shop_.Sync();
  EXPECT_EQ(shop_.ConfirmedStock("milk"), -12);
}

TEST_F(RepairTest, ALogOfWhichNothingCanBeReadIsNamedToo) {
  Sell(1, 1);
  Hurt(1);
  const RepairedLog repaired = Repair();
  EXPECT_GT(repaired.kept.first, repaired.kept.last);
  shop_.Open();
  EXPECT_EQ(shop_.client().Status().counts.recorded, 0u);
}

TEST_F(RepairTest, AFolderThatIsWholeOrInUseIsLeftAlone) {
  Sell(1, 3);
  const auto in_use = RepairDevice(dir(), kNow);
  EXPECT_TRUE(absl::IsFailedPrecondition(in_use.status()));
  EXPECT_THAT(in_use.status().ToString(), HasSubstr("in use"));
  shop_.Stop();
  const auto whole = RepairDevice(dir(), kNow);
  EXPECT_TRUE(absl::IsFailedPrecondition(whole.status()));
  EXPECT_THAT(whole.status().ToString(), HasSubstr("nothing to repair"));
  EXPECT_TRUE(absl::IsNotFound(RepairDevice(dir() + "-not", kNow).status()));
  EXPECT_THAT(Beside(), IsEmpty());
  shop_.Open();
  EXPECT_EQ(shop_.client().Status().counts.recorded, 3u);
}

TEST_F(RepairTest, WithoutANameNothingIsChanged) {
  Sell(1, 3);
  shop_.Stop();
  ASSERT_TRUE(Change("order-1", [](std::string& bytes, size_t) {
    std::fill(bytes.begin(), bytes.end(), '\x5a');
  }));
  const auto repaired = RepairDevice(dir(), kNow);
  EXPECT_TRUE(absl::IsDataLoss(repaired.status())) << repaired.status();
  EXPECT_THAT(repaired.status().ToString(), HasSubstr("the folder was left as it is"));
  EXPECT_THAT(Beside(), IsEmpty());
  EXPECT_FALSE(shop_.TryOpen().ok());
}

// What a device would record then would be set aside with the rest.
TEST_F(RepairTest, NobodyElseOpensTheFolderWhileItIsRepaired) {
  Sell(1, 9);
  Hurt(5);
  int looks = 0, free = 0;
  BeforeChange() = [&] {
    ++looks;
    const pid_t child = fork();
    if (child == 0) {
      struct flock lock = {};
      lock.l_type = F_WRLCK;
      const int fd = open((dir() + "/LOCK").c_str(), O_RDWR);
      _exit(fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0 ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const bool exchanged = fs::exists(dir() + ".repaired-20260101-120000") ||
                           fs::exists(dir() + ".damaged-20260101-120000");
    free += status != 0 && !exchanged ? 1 : 0;
  };
  Repair();
  BeforeChange() = nullptr;
  EXPECT_GT(looks, 10);
  EXPECT_EQ(free, 0);
}

// ---- repairs that are cut off

// Repairs the folder and ends the process before the `nth` change; 0: at its end. The exit code is
// how many changes it made.
[[noreturn]] void RepairUntil(const std::string& dir, int nth) {
  int changes = 0;
  BeforeChange() = [&] {
    if (++changes == nth) _exit(changes - 1);
  };
  _exit(RepairDevice(dir, kNow).ok() ? changes : 255);
}

// RepairUntil() in a program of its own, as this one has threads of RocksDB that a copy of it would
// wait for but not have. How many changes it made.
int CutOffAt(const std::string& dir, int nth) {
  const std::string number = std::to_string(nth);
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "repair_test", kRepairUntil, dir.c_str(), number.c_str(), nullptr);
    _exit(255);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 255) << status;
  return WEXITSTATUS(status);
}

// Every change once; where most are alike, every twelfth (INTENTLOG_LONG: each).
TEST_F(RepairTest, I5_ARepairThatIsCutOffAnywhereLeavesAFolderAndIsEndedByTheNext) {
  Sell(1, 12);
  Hurt(9);
  const std::string kept = dir() + "_kept";
  fs::rename(dir(), kept);
  const auto begin = [&] {
    for (const std::string& path : Beside()) fs::remove_all(path);
    fs::remove_all(dir());
    fs::copy(kept, dir(), fs::copy_options::recursive);
  };
  begin();
  const int changes = CutOffAt(dir(), 0);
  std::set<std::string> seen;
  for (int nth = 1; nth <= changes + 1 && !HasFailure(); ++nth) {
    const bool of_the_store = nth > 1 && nth < changes - 6;
    if (of_the_store && nth % 12 != 0 && std::getenv("INTENTLOG_LONG") == nullptr) continue;
    SCOPED_TRACE(Cat("change ", nth, " of ", changes));
    begin();
    CutOffAt(dir(), nth);
    ASSERT_TRUE(fs::exists(dir()));
    for (const std::string& path : Beside()) seen.insert(path.substr(path.rfind('.'), 10));
    const auto again = RepairDevice(dir(), kNow + absl::Seconds(1));
    // Also one that came to its end may have been cut off before it said so.
    if (!again.ok()) {
      ASSERT_THAT(again.status().ToString(), HasSubstr("nothing to repair"));
    }
    shop_.Open();
    EXPECT_EQ(shop_.client().Status().counts.recorded, 8u);
    shop_.Stop();
    ExpectDamagedKept(kept);
  }
  EXPECT_TRUE(seen.contains(".repairing") && seen.contains(".repaired-"));
  fs::remove_all(kept);
}

}  // namespace
}  // namespace intentlog

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == intentlog::kRepairUntil) {
    intentlog::RepairUntil(argv[2], std::stoi(argv[3]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
