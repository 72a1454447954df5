#include "client/client.h"

#include "client/test_shop.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

// ---- recording

TEST(ClientTest, OwnWorkIsSeenAtOnceOffline) {
  TestShop shop("offline");
  shop.Sell("1", "milk", 2);
  EXPECT_EQ(shop.Stock("milk"), -2);
  EXPECT_EQ(shop.ConfirmedStock("milk"), 0);
  shop.Sell("1", "milk", 3);
  EXPECT_EQ(shop.Stock("milk"), -5);
  EXPECT_EQ(shop.StateOf("1"), RecordState::kPending);
  const ClientStatus status = shop.client().Status();
  EXPECT_EQ(status.counts.pending, 2u);
  EXPECT_EQ(status.blocked_by.kind, BlockedBy::kSyncStopped);
}

TEST(ClientTest, I1_WhatWasAppendedIsThereAfterARestart) {
  TestShop shop("restart");
  shop.Sell("1", "milk", 2);
  shop.Restart();
  EXPECT_EQ(shop.Stock("milk"), -2);
  EXPECT_EQ(shop.Sell("1", "milk", 1).count, Count(2));
}

TEST(ClientTest, I2_TheSameIntentIdIsRecordedOnce) {
  TestShop shop("same_id");
  AppendOptions options;
  options.intent_id = *ParseIntentId("01900000-0000-7000-8000-000000000001");
  EXPECT_FALSE(shop.Sell("1", "milk", 2, options).repeated);
  shop.clock().Advance(absl::Minutes(5));
  shop.Restart();
  const Appended again = shop.Sell("1", "milk", 2, options);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.count, Count(1));
  const auto other = shop.client().Append(TestShop::Line("1", "bread", 2), options);
  EXPECT_TRUE(absl::IsAlreadyExists(other.status())) << other.status();
  EXPECT_EQ(shop.Stock("milk"), -2);
}

TEST(ClientTest, I2_OneIdMakesABatchSafe) {
  TestShop shop("batch_id");
  const auto milk = TestShop::Line("1", "milk", 1);
  const auto bread = TestShop::Line("1", "bread", 1);
  AppendOptions options;
  options.intent_id = *ParseIntentId("01900000-0000-7000-8000-000000000001");
  const std::vector<NewIntent> batch = {{&milk, {}, {}}, {&bread, {}, {}}};
  const auto first = shop.client().AppendAll(batch, options);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = shop.client().AppendAll(batch, options);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE((*again)[1].repeated);
  EXPECT_EQ((*again)[1].intent_id, (*first)[1].intent_id);
  EXPECT_EQ((*again)[1].count, Count(2));
}

TEST(ClientTest, ABrokenRuleIsNamedAndNothingIsRecorded) {
  TestShop shop("rules");
  const auto bad = shop.client().Append(TestShop::Line("", "milk", 1));
  EXPECT_TRUE(absl::IsInvalidArgument(bad.status()));
  EXPECT_THAT(Text(bad.status()), HasSubstr("order_id"));
  const auto good = TestShop::Line("1", "milk", 1);
  const auto worse = TestShop::Line("", "milk", 1);
  const std::vector<NewIntent> batch = {{&good, {}, {}}, {&worse, {}, {}}};
  const auto all = shop.client().AppendAll(batch);
  EXPECT_THAT(Text(all.status()), HasSubstr("intent 1 of the batch"));
  const auto unknown = shop.client().Append(Intent());
  EXPECT_THAT(Text(unknown.status()), HasSubstr("intentlog.Intent is no event type"));
  EXPECT_EQ(shop.client().Status().counts.recorded, 0u);
}

TEST(ClientTest, ABatchThatIsTooLargeNamesItsLimit) {
  TestShop shop("too_large");
  shop.options().batch_intents_max = 2;
  shop.options().batch_bytes_max = 400;
  shop.Restart();
  const auto line = TestShop::Line("1", "milk", 1);
  const std::vector<NewIntent> many(3, NewIntent{&line, {}, {}});
  EXPECT_TRUE(absl::IsResourceExhausted(shop.client().AppendAll(many).status()));
  const auto long_line = TestShop::Line("1", std::string(190, 'm'), 1);
  const std::vector<NewIntent> heavy(2, NewIntent{&long_line, {}, {}});
  EXPECT_TRUE(absl::IsResourceExhausted(shop.client().AppendAll(heavy).status()));
}

// ---- opening

TEST(ClientTest, AFolderThatIsNoDevicesIsRefusedInOneLine) {
  TestShop shop("identity");
  ClientOptions options = shop.options();
  EXPECT_THAT(Text(Client::Open(options).status()), HasSubstr(options.dir));  // in use
  options.dir = testing::TempDir() + "/identity_absent";
  options.create_if_missing = false;
  EXPECT_TRUE(absl::IsNotFound(Client::Open(options).status()));
  shop.options().tenant = "other";
  shop.client().StopSync();
}

TEST(ClientTest, TenantAndDeviceOfAFolderStay) {
  ClientOptions options;
  {
    TestShop shop("stay");
    options = shop.options();
    EXPECT_EQ(shop.client().Status().tenant, "default");
    EXPECT_EQ(shop.client().Status().device, "stay");
  }
  TestShop shop("stay");
  shop.options().tenant = "other";
  const auto dir = shop.options().dir;
  shop.options().dir = dir;
  // The folder is in use by shop's client until it is closed; a copy of the options is enough.
  ClientOptions changed = shop.options();
  changed.dir = dir + "-2";
  changed.tenant = "default";
  { ASSERT_TRUE(Client::Open(changed).ok()); }
  changed.tenant = "other";
  const auto refused = Client::Open(changed);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(Text(refused.status()), HasSubstr("belongs to tenant \"default\", not \"other\""));
  std::filesystem::remove_all(changed.dir);
}

// ---- syncing

// A program of before packed feed would call it damaged, and `device repair` the cure.
TEST(ClientTest, AFolderThatHoldsPackedFeedIsOfAFormatThatOlderProgramsRefuse) {
  TestShop shop("packed");
  const auto format = [&shop] {
    shop.Stop();
    StoreOptions options;
    options.role = "device";
    std::string bytes;
    EXPECT_TRUE(
        *(*Store::Open(shop.options().dir, options))->Get(Space::kMeta, "identity", &bytes));
    shop.Open();
    StoreIdentity identity;
    EXPECT_TRUE(identity.ParseFromString(bytes));
    return identity.format();
  };
  shop.server().Append("shop", TestShop::ByOthers("1", "milk", 1));
  shop.Sync();
  EXPECT_EQ(format(), 1u) << "a block so small is not packed";
  for (int i = 0; i < 50; ++i) shop.server().Append("shop", TestShop::ByOthers("2", "bread", 1));
  shop.Sync();
  EXPECT_EQ(shop.ConfirmedStock("bread"), -50);
  EXPECT_EQ(format(), kPackedFormat);
}

TEST(ClientTest, PendingWorkBecomesSyncedAndConfirmed) {
  TestShop shop("sync");
  shop.Sell("1", "milk", 2);
  shop.Sync();
  EXPECT_EQ(shop.StateOf("1"), RecordState::kSynced);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -2);
  EXPECT_EQ(shop.Stock("milk"), -2);
  const ClientStatus status = shop.client().Status();
  EXPECT_TRUE(status.connected);
  EXPECT_EQ(status.counts.synced, 1u);
  EXPECT_EQ(status.server_head, Position(1));
  EXPECT_EQ(status.scopes[0].cursor, Position(1));
  EXPECT_EQ(status.blocked_by.kind, BlockedBy::kNothing);
  shop.Sell("2", "milk", 1);  // and what comes later goes by itself
  shop.Run();
  EXPECT_EQ(shop.client().Status().counts.synced, 2u);
}

TEST(ClientTest, I21_OwnWorkIsNeverSeenTwice) {
  TestShop shop("twice");
  shop.server().HoldFeed(true);
  shop.Sell("1", "milk", 2);
  shop.Sync();
  EXPECT_EQ(shop.StateOf("1"), RecordState::kSynced);  // receipted, not in the feed yet
  EXPECT_EQ(shop.ConfirmedStock("milk"), 0);
  EXPECT_EQ(shop.Stock("milk"), -2);
  shop.Restart();  // and the same if the overlay is built only now
  EXPECT_EQ(shop.Stock("milk"), -2);
  shop.Sync();
  shop.server().HoldFeed(false);
  shop.Run();
  EXPECT_EQ(shop.ConfirmedStock("milk"), -2);
  EXPECT_EQ(shop.Stock("milk"), -2);
}

TEST(ClientTest, I8_AnOwnEventInTheFeedIsItsReceipt) {
  TestShop shop("feed_receipt");
  shop.server().HoldReceipts(true);
  shop.Sell("1", "milk", 2);
  EXPECT_EQ(shop.Stock("milk"), -2);
  shop.Sync();
  EXPECT_EQ(shop.client().Status().counts.synced, 1u);
  EXPECT_EQ(shop.Stock("milk"), -2);
}

// A server that lacks it has lost something, and nothing else may tell.
TEST(ClientTest, I30_AReceiptBehindAGapIsToldToTheServer) {
  TestShop shop("receipt_behind_gap");
  AppendOptions elsewhere;
  elsewhere.scope = "elsewhere";
  shop.Sell("1", "milk", 1, elsewhere);
  shop.Sell("2", "milk", 2);
  shop.server().HoldReceipts(true);
  shop.Sync();
  EXPECT_EQ(shop.server().head(), 2u);
  shop.Restart();
  shop.Sync();
  ASSERT_EQ(shop.server().hello().logs_size(), 1);
  EXPECT_EQ(shop.server().hello().logs(0).receipted(), 0u);
  EXPECT_EQ(shop.server().hello().logs(0).receipted_last(), 2u);
}

TEST(ClientTest, I8_ReceiptsThatWereLostAreLearnedAgain) {
  TestShop shop("lost_receipts");
  shop.server().HoldReceipts(true);
  shop.server().HoldFeed(true);
  for (int i = 0; i < 5; ++i) shop.Sell("1", "milk", 1);
  shop.Sync();
  EXPECT_EQ(shop.client().Status().counts.pending, 5u);
  EXPECT_EQ(shop.client().Status().blocked_by.kind, BlockedBy::kSending);
  shop.Cut();
  shop.Run();
  shop.server().HoldReceipts(false);
  shop.server().HoldFeed(false);
  shop.Pass(absl::Minutes(1));
  EXPECT_EQ(shop.client().Status().counts.synced, 5u);
  EXPECT_EQ(shop.server().head(), 5u);
  EXPECT_EQ(shop.Stock("milk"), -5);
}

TEST(ClientTest, ARejectedIntentIsFailedAndLeavesTheView) {
  TestShop shop("rejected");
  shop.server().Decide([](const Intent&) { return REJECTED; });
  const Appended sold = shop.Sell("1", "milk", 2);
  EXPECT_EQ(shop.Stock("milk"), -2);
  shop.Sync();
  EXPECT_EQ(shop.StateOf("1"), RecordState::kFailed);
  EXPECT_EQ(shop.Stock("milk"), 0);
  const auto found = shop.client().Find(sold.intent_id);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->decision, REJECTED);
  EXPECT_EQ(found->position, Position(1));
  EXPECT_THAT(shop.client().Why(sold.intent_id)->text, HasSubstr("REJECTED at position 1"));
}

TEST(ClientTest, I16_WhatIsParkedStaysUntilItIsSettled) {
  TestShop shop("parked");
  shop.server().Decide(
      [](const Intent& intent) { return intent.entity_id() == "2" ? PARKED : ACCEPTED; });
  shop.Sell("1", "milk", 1);
  const Appended parked = shop.Sell("2", "milk", 10);
  shop.Sync();
  EXPECT_EQ(shop.Stock("milk"), -11);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -1);
  EXPECT_EQ(shop.client().Status().blocked_by.kind, BlockedBy::kParked);
  EXPECT_EQ(shop.client().Why(parked.intent_id)->kind, BlockedBy::kParked);
  EXPECT_EQ(shop.client().Why(Entity{"order", "2"})->kind, BlockedBy::kParked);
  shop.Restart();
  EXPECT_EQ(shop.Stock("milk"), -11);
  shop.Sync();
  shop.server().Settle(2, ACCEPTED);
  shop.Run();
  EXPECT_EQ(shop.Stock("milk"), -11);
  EXPECT_EQ(shop.ConfirmedStock("milk"), -11);
  EXPECT_EQ(shop.StateOf("2"), RecordState::kSynced);
  EXPECT_EQ(shop.client().Find(parked.intent_id)->decision, ACCEPTED);
}

TEST(ClientTest, AConflictedIntentLeavesTheViewUntilAPersonDecides) {
  TestShop shop("conflicted");
  shop.server().Decide([](const Intent&) { return CONFLICTED; });
  shop.Sell("1", "milk", 2);
  shop.Sync();
  EXPECT_EQ(shop.StateOf("1"), RecordState::kConflicted);
  EXPECT_EQ(shop.Stock("milk"), 0);
  shop.server().Settle(1, MERGED, "a person");
  shop.Run();
  EXPECT_EQ(shop.StateOf("1"), RecordState::kSynced);
  EXPECT_EQ(shop.Stock("milk"), -2);
}

TEST(ClientTest, ManyIntentsGoInFramesWithinTheServersWindow) {
  TestShop shop("window");
  shop.server().limits().set_push_window_bytes(4000);
  shop.server().limits().set_max_frame_bytes(2000);
  for (int i = 0; i < 100; ++i) shop.Sell(std::to_string(i), "milk", 1);
  shop.Sync();
  EXPECT_EQ(shop.client().Status().counts.synced, 100u);
  EXPECT_GT(shop.server().pushes().size(), 5u);
  for (const Push& push : shop.server().pushes()) EXPECT_LE(push.ByteSizeLong(), 2000u);
  EXPECT_EQ(shop.Stock("milk"), -100);
}

TEST(ClientTest, HeadOfficeSeesEveryScopeAlsoNewOnes) {
  TestShop shop("head_office");
  shop.options().all_scopes = true;
  shop.Restart();
  shop.server().Append("shop", TestShop::ByOthers("1", "milk", 1));
  shop.Sync();
  Intent far = TestShop::ByOthers("2", "milk", 5);
  far.set_scope("far away");
  shop.server().Append("far away", far);
  shop.Run();
  EXPECT_EQ(shop.Stock("milk"), -6);
  shop.Restart();
  EXPECT_EQ(shop.client().Status().scopes.size(), 2u);
  shop.Sync();
  EXPECT_EQ(shop.server().hello().cursors_size(), 2);
  ASSERT_GT(shop.server().hello().projections_size(), 0);
  EXPECT_EQ(shop.server().hello().projections(0).fingerprint().size(), 16u);
  EXPECT_EQ(shop.Stock("milk"), -6);
}

TEST(ClientTest, AViewThatComesWithAnUpdateHasAllThatTheDeviceHas) {
  TestShop shop("update");
  const Projections all = shop.options().projections;
  shop.options().projections = {all[0]};
  shop.Restart();
  shop.Sell("1", "milk", 2);
  shop.server().FeedEvents(3);
  for (int i = 0; i < 10; ++i) shop.server().Append("shop", TestShop::ByOthers("2", "milk", 1));
  shop.Sync();
  shop.options().projections = all;
  shop.Restart();
  EXPECT_EQ(shop.ConfirmedStock("milk"), -12);
  EXPECT_EQ(shop.Stock("milk"), -12);
  shop.Sync();
  shop.server().Append("shop", TestShop::ByOthers("2", "milk", 1));
  shop.Run();
  EXPECT_EQ(shop.ConfirmedStock("milk"), -13);
}

TEST(ClientTest, WhatGoesToAScopeThatIsNotSubscribedLeavesTheViewWithItsReceipt) {
  TestShop shop("unsubscribed");
  AppendOptions elsewhere;
  elsewhere.scope = "elsewhere";
  shop.Sell("1", "milk", 2, elsewhere);
  EXPECT_EQ(shop.Stock("milk"), -2);
  shop.Sync();
  EXPECT_EQ(shop.Stock("milk"), 0);
  shop.Restart();
  EXPECT_EQ(shop.Stock("milk"), 0);
}

// ---- watching, stopping

TEST(ClientTest, WatchersHearOfOwnAndOthersChanges) {
  TestShop shop("watch");
  std::vector<std::string> heard;
  const auto watch =
      shop.client().Watch("stock", "m", [&](const std::string& key) { heard.push_back(key); });
  shop.Sell("1", "milk", 1);
  shop.Sell("1", "milk", 1);
  shop.Sell("1", "bread", 1);
  shop.Run();
  EXPECT_THAT(heard, ElementsAre("milk"));  // once for both
  shop.Sync();
  heard.clear();
  shop.server().Append("shop", TestShop::ByOthers("2", "mustard", 1));
  shop.Run();
  EXPECT_THAT(heard, ElementsAre("mustard"));
  shop.client().Unwatch(watch);
  shop.Sell("1", "milk", 1);
  shop.Run();
  EXPECT_EQ(heard.size(), 1u);
}

TEST(ClientTest, StatusChangesAreTold) {
  TestShop shop("told");
  int told = 0;
  shop.client().OnStatusChange([&] { ++told; });
  shop.Sell("1", "milk", 1);
  shop.Sync();
  EXPECT_GE(told, 1);
}

TEST(ClientTest, StoppingLeavesNothingBehindAndStartsAgain) {
  TestShop shop("stopping");
  shop.Sell("1", "milk", 1);
  shop.StartSync();
  EXPECT_TRUE(absl::IsFailedPrecondition(shop.client().StartSync(shop.network())));
  shop.client().StopSync();  // before any task ran
  shop.Run();
  EXPECT_EQ(shop.network().connections(), 0);
  shop.Sync();
  shop.client().StopSync();
  shop.Sell("2", "milk", 1);
  shop.Run();
  EXPECT_FALSE(shop.network().connected());
  EXPECT_EQ(shop.client().Status().blocked_by.kind, BlockedBy::kSyncStopped);
  shop.Sync();
  EXPECT_EQ(shop.client().Status().counts.synced, 2u);
}

TEST(ClientTest, ListShowsEachIntentWithItsState) {
  TestShop shop("list");
  shop.server().Decide(
      [](const Intent& intent) { return intent.entity_id() == "2" ? REJECTED : ACCEPTED; });
  shop.Sell("1", "milk", 1);
  shop.Sell("2", "milk", 1);
  shop.Sync();
  shop.client().StopSync();
  shop.Sell("3", "milk", 1);
  const auto all = shop.client().List(Count(1), 10);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].state, RecordState::kSynced);
  EXPECT_EQ((*all)[1].state, RecordState::kFailed);
  EXPECT_EQ((*all)[2].state, RecordState::kPending);
  EXPECT_EQ(shop.client().List(Count(2), 1)->size(), 1u);
  EXPECT_EQ(shop.client().List(Count(4), 1)->size(), 0u);
}

TEST(ClientTest, ScanShowsConfirmedAndPendingRowsInOrder) {
  TestShop shop("scan");
  shop.Sell("1", "b", 1);
  shop.Sell("1", "d", 1);
  shop.Sync();
  shop.client().StopSync();
  shop.Sell("2", "a", 1);
  shop.Sell("2", "b", 1);
  shop.Sell("2", "e", 1);
  std::string seen;
  auto cursor = shop.client().Scan("stock");
  ASSERT_TRUE(cursor.ok()) << cursor.status();
  while (true) {
    const auto row = (*cursor)->Next();
    ASSERT_TRUE(row.ok());
    if (*row == nullptr) break;
    seen += (*row)->key + std::to_string((*row)->row.Read<views::StockRow>().on_hand()) + " ";
  }
  EXPECT_EQ(seen, "a-1 b-2 d-1 e-1 ");
  EXPECT_TRUE(absl::IsNotFound(shop.client().Scan("nothing").status()));
  EXPECT_TRUE(absl::IsNotFound(shop.client().Get("nothing", "x").status()));
}

}  // namespace
}  // namespace intentlog
