// A folder that was copied: two devices with one log, and what becomes of their work.
#include <set>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/sync/fork.h"
#include "client/test_shop.h"
#include "eventlog/runtime/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;

std::string LogOf(TestShop& shop) { return std::string(shop.client().Status().log_id.bytes()); }

Intent ByTheCopy(const std::string& order, int64_t quantity) {
  Intent intent = TestShop::ByOthers(order, "milk", quantity);
  intent.set_intent_id(std::string(16, static_cast<char>(quantity)));
  return intent;
}

TEST(ClientForkTest, I29_WhatTheServerHasOtherwiseGoesOnInANewLogAndKeepsItsIds) {
  TestShop shop("fork");
  shop.Sell("1", "milk", 1);
  shop.Sync();
  const std::string log = LogOf(shop);
  shop.client().StopSync();
  shop.server().AppendTo(log, "shop", ByTheCopy("2", 10));
  const Appended second = shop.Sell("3", "milk", 2);
  const Appended third = shop.Sell("4", "milk", 4);
  shop.Sync();

  const std::string next = LogOf(shop);
  EXPECT_NE(next, log);
  EXPECT_EQ(shop.server().PositionsOf(log).size(), 2u);
  EXPECT_EQ(shop.server().PositionsOf(next).size(), 2u);
  EXPECT_EQ(shop.server().PositionsOf(next).count(1), 1u);
  const ClientStatus status = shop.client().Status();
  EXPECT_EQ(status.counts.synced, 3u);
  EXPECT_EQ(status.counts.recorded, 3u);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -17);
  EXPECT_EQ(shop.Stock("milk"), -17);
  for (const Appended& moved : {second, third}) {
    const auto found = shop.client().Find(moved.intent_id);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->count, moved.count);
    EXPECT_GT(found->position, Position(2));
  }
  shop.Restart();
  shop.Sell("5", "milk", 1);
  shop.Sync();
  EXPECT_EQ(LogOf(shop), next);
  EXPECT_EQ(shop.server().PositionsOf(next).size(), 3u);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -18);
}

// The feed comes before anything is pushed, and tells of a count that both have.
TEST(ClientForkTest, I29_AnEventOfTheCopyIsNoReceiptForWhatIsHereUnderItsCount) {
  TestShop shop("fork_feed");
  shop.Sell("1", "milk", 1);
  shop.Sync();
  const std::string log = LogOf(shop);
  shop.client().StopSync();
  shop.server().AppendTo(log, "shop", ByTheCopy("2", 10));
  shop.Sell("3", "milk", 2);
  shop.Sync();
  EXPECT_EQ(shop.client().Status().counts.synced, 2u);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -13);
}

// Sells 1, and `lost`, of which nothing but receipts comes. Then the server goes back behind the
// first without a word, and a copy is faster: it brings 10 and 20.
void GoBackAndLetACopyBeFaster(TestShop& shop, const std::vector<int64_t>& lost) {
  shop.Sell("1", "milk", 1);
  shop.Sync();
  shop.server().HoldFeed(true);
  for (const int64_t quantity : lost) shop.Sell("lost", "milk", quantity);
  shop.Sync();
  EXPECT_EQ(shop.client().Status().counts.synced, 1 + lost.size());
  shop.client().StopSync();
  shop.server().RollBack(1);
  for (const int64_t quantity : {10, 20}) {
    shop.server().AppendTo(LogOf(shop), "shop", ByTheCopy("copy", quantity));
  }
}

TEST(ClientForkTest, I29_AReceiptForWhatTheServerHasOtherwiseIsNone) {
  TestShop shop("forked_below");
  GoBackAndLetACopyBeFaster(shop, {2, 4});
  const std::string log = LogOf(shop);
  shop.Sync();
  ServerFrame frame;  // as when it sees that hashes differ
  frame.mutable_resend()->set_log_id(log);
  frame.mutable_resend()->set_from_count(1);
  shop.network().Send(frame);
  shop.Run();
  EXPECT_NE(LogOf(shop), log);
  EXPECT_EQ(shop.server().PositionsOf(log).size(), 3u);
  EXPECT_EQ(shop.server().PositionsOf(LogOf(shop)).size(), 2u);
  shop.server().HoldFeed(false);
  shop.Run();
  EXPECT_EQ(shop.client().Status().counts.synced, 3u);
  EXPECT_EQ(shop.client().Status().counts.pending, 0u);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -1 - 2 - 4 - 10 - 20);
  EXPECT_EQ(shop.Stock("milk"), -1 - 2 - 4 - 10 - 20);
}

// The copy has brought more than this device has, so the log is left.
TEST(ClientForkTest, I29_WhoLeavesALogComparesItOnceMore) {
  TestShop shop("left_log");
  GoBackAndLetACopyBeFaster(shop, {2});
  const std::string log = LogOf(shop);
  shop.server().HoldFeed(false);
  shop.Sync();
  EXPECT_NE(LogOf(shop), log);
  EXPECT_EQ(shop.client().Status().counts.synced, 2u);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -1 - 2 - 10 - 20);
}

TEST(ClientForkTest, I31_AnOldCopyOfAFolderNeverReusesACount) {
  TestShop shop("old_copy");
  shop.Sell("1", "milk", 1);
  shop.Sync();
  const std::string log = LogOf(shop);
  shop.client().StopSync();
  shop.server().AppendTo(log, "shop", ByTheCopy("2", 10));
  shop.Sync();
  const std::string next = LogOf(shop);
  EXPECT_NE(next, log);
  shop.Sell("3", "milk", 2);
  shop.Run();
  EXPECT_EQ(shop.client().Status().last_error, "");
  EXPECT_EQ(shop.server().PositionsOf(log).size(), 2u);
  EXPECT_EQ(shop.server().PositionsOf(next).size(), 1u);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -13);
  ASSERT_EQ(shop.server().hello().logs_size(), 2);
  EXPECT_EQ(shop.server().hello().logs(0).log_id(), next);
  EXPECT_EQ(shop.server().hello().logs(0).continues_log_id(), log);
  EXPECT_EQ(shop.server().hello().logs(0).continues_count(), 1u);
}

TEST(ClientForkTest, I29_AServerThatCallsEveryLogAnothersIsNotFollowedForEver) {
  TestShop shop("forked_often");
  shop.Sell("1", "milk", 1);
  std::set<std::string> logs;
  const auto follow = [&] {  // whatever the log is called, a copy was faster
    const std::string log = LogOf(shop);
    if (logs.insert(log).second) shop.server().AppendTo(log, "shop", ByTheCopy("2", 10));
  };
  follow();
  shop.StartSync();
  for (int i = 0; i < 2000; ++i) {
    while (shop.executor().RunOne()) follow();
    shop.clock().Advance(absl::Milliseconds(100));
  }
  EXPECT_EQ(logs.size(), 1u + kFormerLogsMax);
  const ClientStatus status = shop.client().Status();
  EXPECT_EQ(status.blocked_by.kind, BlockedBy::kForked);
  EXPECT_EQ(status.counts.pending, 1u);  // nothing is dropped, and the feed goes on
  EXPECT_TRUE(status.connected);
  EXPECT_EQ(shop.Stock("milk"), -1 - 10 * static_cast<int64_t>(logs.size()));
}

}  // namespace
}  // namespace intentlog
