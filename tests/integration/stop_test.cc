// Real processes, real gRPC, real disk: processes that are told to end and killed before they are
// done, and processes that stand still for long while others go on in their place.
//
// INTENTLOG_SEED chooses the instants (printed).
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <iostream>

#include "eventlog/runtime/text.h"
#include "tests/integration/kill_shop.h"

namespace intentlog::integration {
namespace {

constexpr int kPatienceMs = 20'000;

// Waits until `name` acknowledged `more` appends from now on.
void AwaitAppends(KillShop& shop, const std::string& name, uint64_t more) {
  const uint64_t before = shop.Acknowledged(name);
  for (int ms = 0; ms < kPatienceMs; ms += 5) {
    if (shop.Acknowledged(name) >= before + more) return;
    usleep(5000);
  }
  ADD_FAILURE() << name << " records nothing";
}

TEST(StopTest, I7_WhoIsToldToEndAndKilledBeforeItIsDoneLosesNothing) {
  KillShop shop("end");
  ASSERT_TRUE(shop.StartServer());
  for (const char* name : {"till-1", "till-2"}) shop.StartDevice(name);
  const uint64_t cycles = Setting("INTENTLOG_LONG", 0) > 0 ? 400 : 16;
  for (uint64_t cycle = 0; cycle < cycles && !testing::Test::HasFailure(); ++cycle) {
    const bool of_server = cycle % 2 == 0;
    const std::string name = cycle % 4 == 1 ? "till-1" : "till-2";
    AwaitAppends(shop, name, 10);
    Child& ending = of_server ? shop.server() : shop.device(name);
    ending.Signal(SIGTERM);
    // Most end within milliseconds; some are given all the time that they want.
    const uint64_t micros_max[] = {2000, 20'000, 100'000, 2'000'000};
    usleep(static_cast<useconds_t>(shop.random().Below(micros_max[shop.random().Below(4)])));
    shop.Listen();
    if (of_server) {
      shop.KillServer();
      ASSERT_TRUE(shop.StartServer());
    } else {
      shop.KillDevice(name);
      shop.StartDevice(name);
    }
  }
  std::cout << "FIGURE SIGTERM, then SIGKILL: " << cycles << "\n";
  shop.Finish({"till-1", "till-2"});
}

TEST(StopTest, I24_ADeviceThatStoodStillGoesOnBesideItsCopyAndNothingIsLostOrDoubled) {
  KillShop shop("still");
  ASSERT_TRUE(shop.StartServer());
  shop.StartDevice("till-1");
  AwaitAppends(shop, "till-1", 100);
  for (int round = 0; round < 2; ++round) {
    // Its copy has another folder but the same device log, whose upload session it takes over.
    const std::string copy = Cat("copy-", round);
    shop.device("till-1").Signal(SIGSTOP);
    shop.StartCopy(copy, "till-1");
    AwaitAppends(shop, copy, 300);
    usleep(1'000'000);
    const uint64_t stood_at = shop.Acknowledged("till-1");
    shop.device("till-1").Signal(SIGCONT);
    AwaitAppends(shop, copy, 1000);
    // As fast as its copy, but for what finding the fork takes.
    EXPECT_GT(shop.Acknowledged("till-1") - stood_at, 300u);
  }
  shop.Finish({"till-1", "copy-0", "copy-1"});
}

TEST(StopTest, I24_AServerThatStoodStillGoesOnAndNothingIsLostOrDoubled) {
  KillShop shop("server-still");
  ASSERT_TRUE(shop.StartServer());
  for (const char* name : {"till-1", "till-2"}) shop.StartDevice(name);
  for (const uint64_t micros : {50'000, 400'000, 3'000'000}) {
    AwaitAppends(shop, "till-1", 100);
    shop.server().Signal(SIGSTOP);
    AwaitAppends(shop, "till-1", 50);  // offline, as it were
    usleep(static_cast<useconds_t>(micros));
    shop.KillDevice("till-2");  // its stream is cut, and another one waits
    shop.StartDevice("till-2");
    AwaitAppends(shop, "till-2", 50);
    shop.server().Signal(SIGCONT);
    AwaitAppends(shop, "till-2", 50);
  }
  shop.Finish({"till-1", "till-2"});
}

}  // namespace
}  // namespace intentlog::integration
