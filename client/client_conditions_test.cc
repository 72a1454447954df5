// When a device syncs, and what it says while it does not.
#include "client/client.h"
#include "client/test_shop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

// A shop whose product descriptions are as heavy as photos: class 2. Orders are of class 0.
class ConditionsTest : public testing::Test {
 protected:
  ConditionsTest()
      : shop_(std::string("conditions_") +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    Use(NormalPolicy());
  }

  void Use(SyncPolicy policy) {
    policy.class_of = {{"product", 2}};
    shop_.options().policy = std::move(policy);
    shop_.Restart();
  }
  static Conditions On(NetworkKind network) {
    Conditions conditions;
    conditions.network = network;
    return conditions;
  }
  void Be(const Conditions& conditions) {
    shop_.client().SetConditions(conditions);
    shop_.Run();
  }
  IntentId Photo(const std::string& product, size_t bytes = 10) {
    commerce::ProductDescribed photo;
    photo.set_product_id(product);
    photo.set_description(std::string(bytes, 'x'));
    const auto done = shop_.client().Append(photo);
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ok() ? done->intent_id : IntentId();
  }
  IntentId Order() { return shop_.Sell("1", "milk", 1).intent_id; }
  BlockedBy Why(const IntentId& intent) {
    const auto why = shop_.client().Why(intent);
    EXPECT_TRUE(why.ok()) << why.status();
    return why.value_or(BlockedBy());
  }
  ClientStatus Status() { return shop_.client().Status(); }

  TestShop shop_;
};

TEST_F(ConditionsTest, AnOrderGoesOverAMeteredNetworkWhileAPhotoWaits) {
  Be(On(NetworkKind::kMetered));
  const IntentId photo = Photo("milk");
  const IntentId order = Order();
  shop_.Sync();
  EXPECT_EQ(Why(order).kind, BlockedBy::kNothing);
  EXPECT_EQ(Why(photo).kind, BlockedBy::kMetered);
  EXPECT_EQ(Status().blocked_by.kind, BlockedBy::kMetered);
  EXPECT_EQ(Status().counts.pending, 1u);
  shop_.Pass(absl::Minutes(3));
  EXPECT_GE(Why(photo).age, absl::Minutes(3));
  Be(On(NetworkKind::kUnmetered));
  EXPECT_EQ(Why(photo).kind, BlockedBy::kNothing);
  EXPECT_EQ(Status().counts.synced, 2u);
}

TEST_F(ConditionsTest, WhatConditionsBecomeInTheMiddleOfASessionHoldsAtOnce) {
  shop_.Sync();
  Be(On(NetworkKind::kMetered));
  EXPECT_TRUE(Status().connected);
  const IntentId photo = Photo("milk");
  const IntentId order = Order();
  shop_.Run();
  EXPECT_EQ(Why(photo).kind, BlockedBy::kMetered);
  EXPECT_EQ(Why(order).kind, BlockedBy::kNothing);
  EXPECT_EQ(shop_.network().connections(), 1);  // a log that may not go is no reason to come anew
  Be(On(NetworkKind::kNone));
  EXPECT_FALSE(Status().connected);
  EXPECT_EQ(Why(photo).kind, BlockedBy::kOffline);
  EXPECT_EQ(Why(photo).text, "there is no network");
  EXPECT_EQ(Why(Order()).kind, BlockedBy::kOffline);
  shop_.Pass(absl::Hours(1));
  EXPECT_EQ(shop_.network().connections(), 1);  // nothing is tried in vain
  EXPECT_EQ(Status().blocked_by.attempts, 0u);
  Be(On(NetworkKind::kUnmetered));
  EXPECT_EQ(Status().counts.synced, 3u);
}

TEST_F(ConditionsTest, EachHoldIsNamed) {
  Conditions road = On(NetworkKind::kUnmetered);
  road.charging = false;
  road.battery_percent = 7;
  const IntentId photo = Photo("milk");
  shop_.Sync();
  Be(road);
  const IntentId second = Photo("bread");
  shop_.Run();
  EXPECT_EQ(Why(photo).kind, BlockedBy::kNothing);
  EXPECT_EQ(Why(second).kind, BlockedBy::kBattery);
  EXPECT_THAT(Why(second).text, HasSubstr("the battery is at 7 %"));
  road.data_saver = true;
  Be(road);
  EXPECT_EQ(Why(second).kind, BlockedBy::kDataSaver);
}

TEST_F(ConditionsTest, ManualSyncsWhenAPersonAsksAndThenLeaves) {
  Use(ManualPolicy());
  EXPECT_TRUE(absl::IsFailedPrecondition(shop_.client().SyncNow()));
  const IntentId order = Order();
  const IntentId photo = Photo("milk");
  shop_.Sync();
  EXPECT_EQ(shop_.network().connections(), 0);
  EXPECT_EQ(Why(order).kind, BlockedBy::kManual);
  ASSERT_TRUE(shop_.client().SyncNow().ok());
  shop_.Run();
  EXPECT_EQ(shop_.network().connections(), 1);
  EXPECT_EQ(Why(order).kind, BlockedBy::kNothing);
  EXPECT_EQ(Why(photo).kind, BlockedBy::kNothing);
  EXPECT_FALSE(Status().connected);
  EXPECT_EQ(Why(Order()).kind, BlockedBy::kManual);
}

TEST_F(ConditionsTest, APersonWhoAsksOverridesThePolicyOnceButNotAMissingNetwork) {
  Be(On(NetworkKind::kMetered));
  const IntentId photo = Photo("milk");
  shop_.Sync();
  ASSERT_TRUE(shop_.client().SyncNow(Ask::kByPolicy).ok());
  shop_.Run();
  EXPECT_EQ(Why(photo).kind, BlockedBy::kMetered);
  ASSERT_TRUE(shop_.client().SyncNow().ok());
  shop_.Run();
  EXPECT_EQ(Why(photo).kind, BlockedBy::kNothing);
  const IntentId next = Photo("bread");
  shop_.Run();
  EXPECT_EQ(Why(next).kind, BlockedBy::kMetered);
  Be(On(NetworkKind::kNone));
  ASSERT_TRUE(shop_.client().SyncNow().ok());
  shop_.Run();
  EXPECT_EQ(Why(next).kind, BlockedBy::kOffline);
}

// ---- attempts

TEST_F(ConditionsTest, ABackOffSurvivesARestartAndAPersonSkipsIt) {
  shop_.network().Refuse(true);
  Order();
  shop_.Sync();
  shop_.Pass(absl::Hours(1));
  const BlockedBy before = Status().blocked_by;
  EXPECT_EQ(before.kind, BlockedBy::kBackOff);
  EXPECT_EQ(before.last_error, "connection refused");
  EXPECT_GT(before.until, shop_.clock().WallNow());
  shop_.Restart();
  EXPECT_EQ(Status().blocked_by.kind, BlockedBy::kSyncStopped);
  EXPECT_EQ(Status().blocked_by.attempts, before.attempts);
  EXPECT_THAT(Status().blocked_by.text, HasSubstr("connection refused"));
  const int connections = shop_.network().connections();
  shop_.Sync();
  EXPECT_EQ(shop_.network().connections(), connections);
  EXPECT_EQ(Status().blocked_by.kind, BlockedBy::kBackOff);
  EXPECT_GT(Status().blocked_by.age, absl::Minutes(59));  // since it was cut off, not since now
  ASSERT_TRUE(shop_.client().SyncNow(Ask::kByPolicy).ok());
  shop_.Run();
  EXPECT_EQ(shop_.network().connections(), connections + 1);
  EXPECT_EQ(Status().blocked_by.attempts, before.attempts + 1);
  shop_.network().Refuse(false);
  Be(On(NetworkKind::kNone));
  Be(On(NetworkKind::kUnmetered));  // another network: nothing to wait for
  EXPECT_EQ(Status().counts.synced, 1u);
}

TEST_F(ConditionsTest, AnAttemptCountsForTheLogsThatTookPart) {
  shop_.network().Refuse(true);
  Be(On(NetworkKind::kMetered));
  const IntentId photo = Photo("milk");
  const IntentId order = Order();
  shop_.Sync();
  shop_.Pass(absl::Minutes(10));
  EXPECT_EQ(Why(photo).attempts, 0u);
  EXPECT_EQ(Why(photo).kind, BlockedBy::kMetered);
  const uint64_t attempts = Why(order).attempts;
  EXPECT_GE(attempts, 5u);
  const IntentId late = Order();
  EXPECT_EQ(Why(late).attempts, 0u);
  Be(On(NetworkKind::kUnmetered));
  shop_.Pass(absl::Minutes(10));
  EXPECT_GE(Why(photo).attempts, 1u);
  EXPECT_EQ(Why(order).attempts - Why(late).attempts, attempts);
}

TEST_F(ConditionsTest, ATimeThatTheServerSetIsNotSkipped) {
  Order();
  shop_.server().HoldReceipts(true);
  shop_.server().HoldFeed(true);
  shop_.Sync();
  ServerFrame goodbye;
  goodbye.mutable_goodbye()->set_code(Goodbye::SHUTTING_DOWN);
  goodbye.mutable_goodbye()->set_retry_after_ms(60'000);
  shop_.network().Send(goodbye);
  shop_.Run();
  ASSERT_TRUE(shop_.client().SyncNow().ok());
  shop_.Run();
  EXPECT_EQ(shop_.network().connections(), 1);
  EXPECT_EQ(Status().blocked_by.kind, BlockedBy::kServerAsked);
  shop_.Pass(absl::Seconds(61));
  EXPECT_EQ(shop_.network().connections(), 2);
}

// ---- slices

class SlicesTest : public ConditionsTest {
 protected:
  // Runs one slice to its end.
  SliceReport Slice(uint64_t bytes = 4 << 20, absl::Duration time = absl::Seconds(25)) {
    std::vector<SliceReport> reports;
    const absl::Status status =
        shop_.client().SyncSlice(shop_.network(), {bytes, time},
                                 [&](const SliceReport& report) { reports.push_back(report); });
    EXPECT_TRUE(status.ok()) << status;
    shop_.Pass(time + absl::Seconds(1));
    EXPECT_EQ(reports.size(), 1u);
    EXPECT_FALSE(Status().syncing);
    return reports.empty() ? SliceReport() : reports[0];
  }
};

TEST_F(SlicesTest, ASliceEndsWhenNothingWaitsAndSaysWhatItMoved) {
  for (int i = 0; i < 10; ++i) Order();
  shop_.server().Append("shop", TestShop::ByOthers("2", "milk", 5));
  const SliceReport report = Slice();
  EXPECT_EQ(report.end, SliceReport::End::kDone);
  EXPECT_EQ(report.intents_received, 10u);
  EXPECT_GT(report.bytes_sent, 500u);
  EXPECT_GT(report.bytes_received, 500u);
  EXPECT_FALSE(report.more_waits);
  EXPECT_EQ(report.blocked_by.kind, BlockedBy::kNothing);
  EXPECT_EQ(Status().counts.synced, 10u);
  EXPECT_GE(Status().scopes[0].cursor, Position(1));
}

TEST_F(SlicesTest, ABudgetOfBytesCutsTheWorkAndTheNextSliceGoesOn) {
  for (int i = 0; i < 40; ++i) Photo("product-" + std::to_string(i), 1000);
  for (int i = 0; i < 40; ++i) {
    shop_.server().Append("shop", TestShop::ByOthers("2", "milk", 1));
  }
  shop_.server().FeedEvents(3);
  int slices = 0;
  while (true) {
    const SliceReport report = Slice(10'000);
    ++slices;
    EXPECT_LE(report.bytes_sent, 10'000u + 2'000u);  // and one batch. This server knows no credit
    if (report.end == SliceReport::End::kDone && !report.more_waits) break;
    EXPECT_EQ(report.end, SliceReport::End::kBytes);
    EXPECT_TRUE(report.more_waits);
    EXPECT_GT(report.intents_received + report.bytes_received, 0u);
    ASSERT_LT(slices, 40);
  }
  EXPECT_GT(slices, 3);
  EXPECT_EQ(Status().counts.synced, 40u);
  const auto positions = shop_.server().PositionsOf(std::string(Status().logs[1].log_id.bytes()));
  EXPECT_EQ(positions.size(), 40u);
}

TEST_F(SlicesTest, TimeEndsASliceAndNothingIsLost) {
  const IntentId order = Order();
  shop_.server().HoldReceipts(true);
  shop_.server().HoldFeed(true);
  SliceReport report = Slice();
  EXPECT_EQ(report.end, SliceReport::End::kTime);
  EXPECT_TRUE(report.more_waits);
  EXPECT_EQ(report.blocked_by.kind, BlockedBy::kSending);
  EXPECT_EQ(Why(order).kind, BlockedBy::kSyncStopped);
  shop_.server().HoldReceipts(false);
  shop_.server().HoldFeed(false);
  report = Slice();
  EXPECT_EQ(report.end, SliceReport::End::kDone);
  EXPECT_EQ(shop_.server().PositionsOf(std::string(Status().log_id.bytes())).size(), 1u);
}

TEST_F(SlicesTest, APolicyThatLetsNothingGoEndsASliceAtOnce) {
  Use(ManualPolicy());
  Order();
  const SliceReport report = Slice();
  EXPECT_EQ(report.end, SliceReport::End::kHeld);
  EXPECT_TRUE(report.more_waits);
  EXPECT_EQ(report.blocked_by.kind, BlockedBy::kManual);
  EXPECT_EQ(shop_.network().connections(), 0);
}

TEST_F(SlicesTest, WhatIsHeldDoesNotKeepASliceOpen) {
  Be(On(NetworkKind::kMetered));
  Photo("milk");
  Order();
  const SliceReport report = Slice();
  EXPECT_EQ(report.end, SliceReport::End::kDone);
  EXPECT_TRUE(report.more_waits);
  EXPECT_EQ(report.blocked_by.kind, BlockedBy::kMetered);
  EXPECT_EQ(Status().counts.synced, 1u);
}

TEST_F(SlicesTest, ASliceTriesAgainWhileItsTimeLasts) {
  Order();
  shop_.network().Refuse(true);
  const SliceReport report = Slice();
  EXPECT_EQ(report.end, SliceReport::End::kFailed);
  EXPECT_THAT(std::string(report.status.message()), HasSubstr("connection refused"));
  EXPECT_GE(shop_.network().connections(), 3);
  EXPECT_EQ(report.blocked_by.kind, BlockedBy::kBackOff);
  shop_.network().Refuse(false);
  EXPECT_EQ(Slice(4 << 20, absl::Minutes(6)).end, SliceReport::End::kDone);
}

TEST_F(SlicesTest, ASliceThatIsStoppedSaysSoAndSyncCanStart) {
  Order();
  shop_.server().HoldReceipts(true);
  shop_.server().HoldFeed(true);
  std::vector<SliceReport> reports;
  const auto note = [&](const SliceReport& report) { reports.push_back(report); };
  ASSERT_TRUE(shop_.client().SyncSlice(shop_.network(), {}, note).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(shop_.client().SyncSlice(shop_.network(), {}, note)));
  shop_.Run();
  shop_.client().StopSync();
  shop_.server().HoldReceipts(false);
  shop_.Sync();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].end, SliceReport::End::kStopped);
  EXPECT_EQ(Status().counts.synced, 1u);
}

// ---- the clock

TEST_F(ConditionsTest, StepsOfTheWallClockGoWithIntentsAndHellos) {
  const auto steps = [&](const IntentId& intent) {
    return shop_.client().Find(intent)->intent.clock_steps();
  };
  EXPECT_EQ(steps(Order()), 0u);
  shop_.Sync();
  EXPECT_EQ(shop_.server().hello().clock_steps(), 0u);
  shop_.clock().JumpWall(absl::Minutes(40));
  EXPECT_EQ(steps(Order()), 1u);
  shop_.Pass(absl::Seconds(10));
  shop_.clock().JumpWall(-absl::Minutes(40));
  shop_.Pass(absl::Seconds(10));  // noted without an append
  EXPECT_EQ(Status().clock_steps, 2u);
  shop_.Restart();
  EXPECT_EQ(steps(Order()), 2u);
  shop_.clock().JumpWall(-absl::Hours(2));
  shop_.Restart();
  EXPECT_EQ(steps(Order()), 3u);
  shop_.Sync();
  EXPECT_EQ(shop_.server().hello().clock_steps(), 3u);
}

TEST_F(ConditionsTest, I23_AWallClockThatIsSetBackByYearsKeepsNobodyWaiting) {
  Order();
  shop_.Sync();
  shop_.Cut();
  shop_.clock().JumpWall(-absl::Hours(10 * 365 * 24));
  Order();
  shop_.Pass(shop_.options().retry_cap + absl::Seconds(1));
  EXPECT_EQ(Status().counts.pending, 0u);
}

// ---- health

TEST_F(ConditionsTest, AServersOperatorHearsWhatWaitsAndWhy) {
  Be(On(NetworkKind::kMetered));
  Photo("milk");
  shop_.Sync();
  EXPECT_EQ(shop_.server().hello().health().recorded(), 1u);
  EXPECT_EQ(shop_.server().hello().health().blocked_kind(), "metered");
  EXPECT_GT(shop_.server().hello().health().blocked_since_us(), 0);
  shop_.Pass(absl::Seconds(6));
  const size_t reports = shop_.server().reports().size();
  shop_.Pass(absl::Seconds(20));
  EXPECT_LE(shop_.server().reports().size(), reports + 1);  // nothing changed
  Be(On(NetworkKind::kUnmetered));
  shop_.Pass(absl::Seconds(6));
  ASSERT_GT(shop_.server().reports().size(), reports);
  const QueueHealth& last = shop_.server().reports().back();
  EXPECT_EQ(last.pending(), 0u);
  EXPECT_EQ(last.blocked_kind(), "");
  EXPECT_EQ(last.blocked_since_us(), 0);
}

TEST_F(ConditionsTest, ReportsComeSeldomHoweverMuchChanges) {
  shop_.Sync();
  const size_t before = shop_.server().reports().size();
  for (int second = 0; second < 60; ++second) {
    Order();
    shop_.Pass(absl::Seconds(1));
  }
  EXPECT_LE(shop_.server().reports().size(), before + 13);
  EXPECT_GE(shop_.server().reports().size(), before + 5);
}

}  // namespace
}  // namespace intentlog
