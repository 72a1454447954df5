// Real processes, real gRPC, real disk: a server and two devices are killed at random instants
// while they sync. Nothing that a device acknowledged may be lost or doubled (I1, I3, I8, I10).
//
// INTENTLOG_SEED chooses the instants (printed); INTENTLOG_KILLS how many, INTENTLOG_LONG=1 many.
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>

#include "tests/integration/kill_shop.h"

namespace intentlog::integration {
namespace {

TEST(KillTest, NothingAcknowledgedIsLostOrDoubledByKillsDuringSync) {
  KillShop shop("kill");
  ASSERT_TRUE(shop.StartServer());
  shop.StartDevice("till-1");
  shop.StartDevice("till-2");
  const uint64_t kills = Setting("INTENTLOG_KILLS", Setting("INTENTLOG_LONG", 0) > 0 ? 3000 : 200);
  uint64_t killed = 0;
  while (killed < kills && !testing::Test::HasFailure()) {
    // Within a start, before the first append, at any instant of syncing.
    const uint64_t micros_max = shop.random().Below(4) == 0 ? 400'000 : 120'000;
    usleep(static_cast<useconds_t>(shop.random().Below(micros_max)));
    shop.Listen();
    const uint64_t whom = shop.random().Below(5);
    const bool all = whom == 4;
    if (all || whom < 2) shop.KillServer();
    if (all || whom == 2) shop.KillDevice("till-1");
    if (all || whom == 3) shop.KillDevice("till-2");
    killed += all ? 3 : 1;
    if (all || whom < 2) {
      ASSERT_TRUE(shop.StartServer());
    }
    if (all || whom == 2) shop.StartDevice("till-1");
    if (all || whom == 3) shop.StartDevice("till-2");
  }
  std::cout << "FIGURE kill -9 cycles: " << killed << "\n";
  shop.Finish({"till-1", "till-2"});
}

}  // namespace
}  // namespace intentlog::integration
