// Real processes, real gRPC, real disk, and system calls that fail (strace): the first sync or
// write that fails is the last one that is acknowledged, and afterwards every intent is there once
// or not at all (I2, I3, I6).
//
// INTENTLOG_SEED chooses the instants (printed).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "eventlog/runtime/text.h"
#include "tests/integration/kill_shop.h"

namespace intentlog::integration {
namespace {

constexpr char kStrace[] = "/usr/bin/strace";
constexpr int kPatienceMs = 20'000;

class HurtTest : public testing::Test {
 protected:
  void SetUp() override {
    Child probe({kStrace, "-o", "/dev/null", "-e", "inject=fdatasync:error=EIO", "/bin/true"});
    if (probe.Wait() != 0) GTEST_SKIP() << "strace cannot trace here";
  }

  // Runs a process under strace, whose `inject` falls on the calls of its n-th, for each thread.
  // With `files`, only on calls about these.
  KillShop::Under Strace(const std::string& inject, const std::vector<std::string>& files = {}) {
    trace_ = Cat(shop_.root(), "/trace-", ++traces_);
    KillShop::Under under = {kStrace, "-D", "-f", "-qq", "-o", trace_};
    for (const std::string& file : files) under.insert(under.end(), {"-P", file});
    const std::string call = inject.substr(0, inject.find(':'));
    under.insert(under.end(), {"-e", "trace=" + call, "-e", "inject=" + inject});
    return under;
  }
  // Whether the last one has injected something.
  bool Injected() const {
    std::ifstream file(trace_);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return text.find("(INJECTED)") != std::string::npos;
  }
  template <class Condition>
  static bool Await(Condition condition) {
    for (int ms = 0; ms < kPatienceMs; ms += 10) {
      if (condition()) return true;
      usleep(10'000);
    }
    return false;
  }
  // The write-ahead logs that the store in `dir` makes next.
  static std::vector<std::string> LogsOf(const std::string& dir) {
    int made = 0;
    for (const auto& file : std::filesystem::directory_iterator(dir)) {
      const std::string name = file.path().stem().string();
      made = std::max(made, std::atoi(name.substr(name.rfind('-') + 1).c_str()));
    }
    std::vector<std::string> logs;
    for (int number = made + 1; number <= made + 40; ++number) {
      const std::string digits = std::to_string(1'000'000 + number);
      logs.push_back(Cat(dir, "/", digits.substr(1), ".log"));
    }
    return logs;
  }
  // Starts till-1 under strace, waits until an append failed, and a little longer.
  void HurtDevice(const std::string& inject, const std::vector<std::string>& files = {}) {
    SCOPED_TRACE(inject);
    shop_.StartDevice("till-1", Strace(inject, files));
    const auto failed = [&] {
      return shop_.device("till-1").Output().find("failed") != std::string::npos;
    };
    ASSERT_TRUE(Await(failed)) << "nothing failed";
    EXPECT_TRUE(Injected());
    usleep(200'000);
    const std::string& output = shop_.device("till-1").Output();
    // It goes on trying, and nothing of that is acknowledged.
    EXPECT_TRUE(output.ends_with("failed\n")) << output.substr(output.size() - 200);
    shop_.KillDevice("till-1");
    ++hurt_;
  }
  // What a new device records is on the server, which heals by itself, within 30 s.
  void ExpectServerHeals() {
    const std::string dir = Cat(shop_.root(), "/new-", ++news_);
    Child append({"tools/intentlog", "device", "append", "--dir", dir, "--device",
                  Cat("new-", news_), "OrderLineAdded",
                  R"({"order_id": "1", "product_id": "milk", "quantity": 1,)"
                  R"( "unit_price_micros": 1, "sold_at_us": 1700000000000000})"});
    EXPECT_EQ(append.Wait(), 0) << append.Output();
    Child sync({"tools/intentlog", "device", "sync", "--dir", dir, "--server", shop_.address(),
                "--wait", "30s"});
    EXPECT_EQ(sync.Wait(), 0) << sync.Output();
  }

  KillShop shop_{"hurt"};
  std::string trace_;
  int traces_ = 0;
  int news_ = 0;
  int hurt_ = 0;
};

TEST_F(HurtTest, I6_ADeviceAcknowledgesNothingAfterTheFirstFailedSyncOrWrite) {
  ASSERT_TRUE(shop_.StartServer());
  shop_.StartDevice("till-1");
  ASSERT_TRUE(Await([&] { return shop_.Acknowledged("till-1") >= 20; }));
  shop_.KillDevice("till-1");
  const uint64_t nth = 14 + shop_.random().Below(30);
  HurtDevice(Cat("fdatasync:error=EIO:when=", nth));       // once
  HurtDevice(Cat("fdatasync:error=EIO:when=", nth, "+"));  // and for ever
  HurtDevice(Cat("write:error=ENOSPC:when=", nth), LogsOf(shop_.DirOf("till-1")));
  HurtDevice(Cat("write:error=EIO:when=", nth, "+"), LogsOf(shop_.DirOf("till-1")));
  std::cout << "FIGURE failed system calls under real processes: " << hurt_ << "\n";
  shop_.StartDevice("till-1");
  const uint64_t before = shop_.Acknowledged("till-1");
  EXPECT_TRUE(Await([&] { return shop_.Acknowledged("till-1") > before + 20; }));
  shop_.Finish({"till-1"});
}

TEST_F(HurtTest, I6_AServerReceiptsNothingAfterTheFirstFailedSyncOrWriteAndHealsByItself) {
  ASSERT_TRUE(shop_.StartServer());
  for (const char* name : {"till-1", "till-2"}) shop_.StartDevice(name);
  ASSERT_TRUE(Await([&] { return shop_.Acknowledged("till-1") >= 20; }));
  const std::string log = shop_.DirOf("server") + "/log";
  const uint64_t nth = 24 + shop_.random().Below(8);  // not in an opening
  for (const auto& [inject, files] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {Cat("fdatasync:error=EIO:when=", nth), {}},
           {Cat("write:error=ENOSPC:when=", nth / 3), LogsOf(log)},
           {Cat("fdatasync:error=EIO:when=", nth, "+"), {}}}) {
    SCOPED_TRACE(inject);
    shop_.KillServer();
    ASSERT_TRUE(shop_.StartServer(Strace(inject, files)));
    const uint64_t before = shop_.Acknowledged("till-1");
    EXPECT_TRUE(Await([&] { return shop_.Acknowledged("till-1") > before + 2000; }));
    if (inject.back() != '+') ExpectServerHeals();
    shop_.KillServer();  // then strace writes what it has to say
    EXPECT_TRUE(Await([&] { return Injected(); }));
    ++hurt_;
  }
  std::cout << "FIGURE failed system calls under real processes: " << hurt_ << "\n";
  shop_.Finish({"till-1", "till-2"});
}

TEST_F(HurtTest, I1_KilledOnSlowDisksNobodyLosesAnything) {
  const KillShop::Under slow = Strace("fdatasync:delay_exit=60000");
  ASSERT_TRUE(shop_.StartServer(slow));
  shop_.StartDevice("till-1", slow);
  shop_.StartDevice("till-2");
  for (int kill = 0; kill < 6; ++kill) {
    const uint64_t before = shop_.Acknowledged("till-1");
    ASSERT_TRUE(Await([&] { return shop_.Acknowledged("till-1") > before + 3; }));
    usleep(static_cast<useconds_t>(shop_.random().Below(120'000)));
    shop_.Listen();
    if (kill % 2 == 0) {
      shop_.KillServer();
      ASSERT_TRUE(shop_.StartServer(slow));
    } else {
      shop_.KillDevice("till-1");
      shop_.StartDevice("till-1", slow);
    }
  }
  std::cout << "FIGURE kill -9 cycles: 6\n";
  shop_.Finish({"till-1", "till-2"});
}

}  // namespace
}  // namespace intentlog::integration
