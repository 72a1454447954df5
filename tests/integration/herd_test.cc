// Devices that a server holds at once, over real gRPC, and what happens when all are cut off in one
// instant and come back in one instant (I34): nobody is forgotten, nothing acknowledged is lost or
// doubled (I1, I3, I8, I14), real devices (kill_device) among them.
//
// INTENTLOG_LONG=1: 10,000 devices and three herds; INTENTLOG_HELD says how many otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tests/integration/held_devices.h"
#include "tests/integration/kill_shop.h"
#include "tools/bench/raw_stream.h"

namespace intentlog::integration {
namespace {

// All are served in this time (I34).
constexpr absl::Duration kServed = absl::Seconds(120);

// What a process has used so far.
struct Used {
  uint64_t resident_bytes = 0;
  double cpu_seconds = 0;
};

Used UsedBy(pid_t process) {
  Used used;
  std::ifstream stat(Cat("/proc/", process, "/stat"));
  std::string field, user, system;
  for (int i = 0; i < 13; ++i) stat >> field;
  stat >> user >> system;
  used.cpu_seconds = (std::strtod(user.c_str(), nullptr) + std::strtod(system.c_str(), nullptr)) /
                     static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream pages(Cat("/proc/", process, "/statm"));
  pages >> field >> field;
  used.resident_bytes =
      std::strtoull(field.c_str(), nullptr, 10) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return used;
}

// As many descriptors as the system lets this process have; how many that are.
rlim_t RaiseDescriptors() {
  rlimit limit = {};
  EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit.rlim_cur;
}

// A shell's usual limit of open files, which is for programs that do not ask for more.
const KillShop::Under kUsualLimit = {"/bin/sh", "-c", "ulimit -Sn 1024 && exec \"$0\" \"$@\""};

void Tell(const char* what, const HeldDevices& devices, double cpu_seconds) {
  const HerdReport report = devices.report();
  std::cout << what << ": half welcome after " << report.half << ", 99 % after " << report.most
            << ", all after " << report.all << "; " << report.refused << " refused, "
            << report.asked_to_wait << " asked to wait; the server took " << cpu_seconds
            << " s of CPU\n";
}

// Until all are settled; what the real devices acknowledge is taken meanwhile, so that they go on.
absl::Status Settled(KillShop& shop, HeldDevices& devices) {
  constexpr absl::Duration kLook = absl::Milliseconds(200);
  absl::Status status;
  for (absl::Duration waited; waited < kServed; waited += kLook) {
    status = devices.Settle(kLook);
    shop.Listen();
    if (!absl::IsUnavailable(status)) break;
  }
  return status;
}

TEST(HerdTest, I34_ThousandsOfDevicesAreHeldAndComeBackAtOnceAfterTheServerWasKilled) {
  const bool is_long = Setting("INTENTLOG_LONG", 0) > 0;
  const uint64_t count = Setting("INTENTLOG_HELD", is_long ? 10'000 : 1'000);
  if (RaiseDescriptors() < count + 200) GTEST_SKIP() << "too few open files are allowed (ulimit)";
  KillShop shop("herd");
  ASSERT_TRUE(shop.StartServer(kUsualLimit));
  shop.StartDevice("till-1");
  shop.StartDevice("till-2");
  const Used before = UsedBy(shop.server().pid());
  HeldDevices devices({.address = shop.address(), .count = count});
  devices.ConnectAll();
  ASSERT_EQ(Settled(shop, devices), absl::OkStatus());
  const Used held = UsedBy(shop.server().pid());
  const uint64_t bytes_per_device = (held.resident_bytes - before.resident_bytes) / count;
  Tell("first", devices, held.cpu_seconds - before.cpu_seconds);
  std::cout << bytes_per_device << " bytes of the server's memory for each held device\n";
  EXPECT_LT(bytes_per_device, 100'000u);  // 10,000 in a gigabyte
  devices.Record(2);
  ASSERT_EQ(Settled(shop, devices), absl::OkStatus());
  // A network that is gone for a moment: the server holds sessions of which it does not know yet
  // that they are dead.
  for (int round = 0; round < 3; ++round) {
    devices.Record(1);
    devices.HangUp();
    const Used before_round = UsedBy(shop.server().pid());
    devices.ConnectAll();
    ASSERT_EQ(Settled(shop, devices), absl::OkStatus());
    const Used after = UsedBy(shop.server().pid());
    Tell("cut off", devices, after.cpu_seconds - before_round.cpu_seconds);
    std::cout << after.resident_bytes / 1'000'000 << " MB of memory, "
              << held.resident_bytes / 1'000'000 << " MB at first\n";
    EXPECT_LT(after.resident_bytes, held.resident_bytes + count * 100'000);
  }
  for (int herd = 0; herd < (is_long ? 3 : 1); ++herd) {
    devices.Record(3);
    usleep(static_cast<useconds_t>(shop.random().Below(50'000)));
    shop.KillServer();
    ASSERT_EQ(devices.AwaitCut(absl::Seconds(10)), absl::OkStatus());
    std::cout << devices.acknowledged() << " of " << devices.recorded() << " acknowledged\n";
    ASSERT_TRUE(shop.StartServer(kUsualLimit));
    const Used started = UsedBy(shop.server().pid());
    devices.ConnectAll();
    ASSERT_EQ(Settled(shop, devices), absl::OkStatus());
    Tell("herd", devices, UsedBy(shop.server().pid()).cpu_seconds - started.cpu_seconds);
    EXPECT_LT(devices.report().all, kServed);
    EXPECT_EQ(devices.report().cut, 0u);
  }
  std::cout << "FIGURE devices held: " << count << "\n";
  shop.Finish({"till-1", "till-2"}, [&devices](const EventLog& log) {
    EXPECT_EQ(devices.CheckLog(log), absl::OkStatus());
  });
}

using bench::RawStream;
using testing::HasSubstr;

// What a server says to one more device, which says nothing itself; empty: it listens.
std::string AnswerTo(const std::string& address) {
  std::promise<std::string> ended;
  RawStream stream(
      address, bench::kDeviceSyncMethod, [](std::string_view) {},
      [&ended](const absl::Status& status) { ended.set_value(status.ToString()); });
  std::future<std::string> answer = ended.get_future();
  return answer.wait_for(std::chrono::seconds(30)) == std::future_status::ready ? answer.get() : "";
}

// Until so many were refused; those cannot all be settled.
void ExpectRefused(HeldDevices& devices, uint64_t refused) {
  constexpr absl::Duration kLook = absl::Milliseconds(100);
  for (absl::Duration waited; devices.report().refused < refused; waited += kLook) {
    ASSERT_LT(waited, kServed) << devices.report().refused << " were refused";
    ASSERT_TRUE(absl::IsUnavailable(devices.Settle(kLook)));
  }
}

TEST(HerdTest, WhoIsOneTooManyIsToldSoAndTakenWhenOthersHaveGone) {
  KillShop shop("herd-full");
  shop.ServeWith({"--sessions", "50"});
  ASSERT_TRUE(shop.StartServer());
  auto held =
      std::make_unique<HeldDevices>(HeldDevicesOptions{.address = shop.address(), .count = 50});
  held->ConnectAll();
  ASSERT_EQ(held->Settle(absl::Seconds(30)), absl::OkStatus());
  EXPECT_THAT(AnswerTo(shop.address()), HasSubstr("the server takes no further devices now"));
  HeldDevices more({.address = shop.address(), .count = 20, .seed = 2});
  more.ConnectAll();
  ExpectRefused(more, 20);
  EXPECT_EQ(held->report().cut, 0u);
  held.reset();
  EXPECT_EQ(more.Settle(absl::Seconds(30)), absl::OkStatus());
}

// Hard limits that nobody can raise: some of the devices are refused, and none waits unheard.
TEST(HerdTest, FewerAreTakenWhereTheProcessMayNotOpenEnoughFiles) {
  KillShop shop("herd-files");
  ASSERT_TRUE(shop.StartServer({"/bin/sh", "-c", "ulimit -n 200 && exec \"$0\" \"$@\""}));
  HeldDevices devices({.address = shop.address(), .count = 160});
  devices.ConnectAll();
  ExpectRefused(devices, 11);
  EXPECT_EQ(devices.report().cut, 0u);
  EXPECT_THAT(AnswerTo(shop.address()), HasSubstr("the server takes no further devices now"));
}

}  // namespace
}  // namespace intentlog::integration
