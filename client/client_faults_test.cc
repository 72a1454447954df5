// What a device does when the server, the network or a copy of itself goes wrong.
#include <functional>

#include "client/client.h"
#include "client/test_shop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

TEST(ClientFaultsTest, AServerThatIsAwayIsTriedAgainMoreSlowlyAndFromWhereItWasAfterARestart) {
  TestShop shop("away");
  shop.network().Refuse(true);
  shop.Sell("1", "milk", 1);
  shop.Sync();
  shop.Pass(absl::Minutes(30));
  const ClientStatus status = shop.client().Status();
  EXPECT_FALSE(status.connected);
  EXPECT_EQ(status.blocked_by.kind, BlockedBy::kBackOff);
  EXPECT_GE(status.blocked_by.attempts, 8u);
  EXPECT_LT(shop.network().connections(), 60);
  EXPECT_EQ(status.last_error, "connection refused");
  EXPECT_GT(status.blocked_by.age, absl::Minutes(29));
  shop.Restart();
  EXPECT_EQ(shop.client().Status().last_error, "connection refused");
  shop.Sync();
  shop.Pass(absl::Minutes(6));
  EXPECT_GT(shop.client().Status().blocked_by.attempts, status.blocked_by.attempts);
  shop.network().Refuse(false);
  shop.Pass(absl::Minutes(6));
  EXPECT_EQ(shop.client().Status().counts.synced, 1u);
  EXPECT_EQ(shop.client().Status().blocked_by.attempts, 0u);
}

TEST(ClientFaultsTest, AServersDelayIsKeptAcrossARestart) {
  TestShop shop("asked");
  shop.Sell("1", "milk", 1);
  shop.server().HoldReceipts(true);
  shop.server().HoldFeed(true);
  shop.Sync();
  ServerFrame goodbye;
  goodbye.mutable_goodbye()->set_code(Goodbye::SHUTTING_DOWN);
  goodbye.mutable_goodbye()->set_retry_after_ms(60'000);
  shop.network().Send(goodbye);
  shop.Run();
  EXPECT_EQ(shop.client().Status().blocked_by.kind, BlockedBy::kServerAsked);
  shop.Restart();
  shop.StartSync();
  const int before = shop.network().connections();
  shop.Pass(absl::Seconds(59));
  EXPECT_EQ(shop.network().connections(), before);
  shop.Pass(absl::Seconds(2));
  EXPECT_EQ(shop.network().connections(), before + 1);
}

TEST(ClientFaultsTest, AThrottledDevicePausesAndGoesOn) {
  TestShop shop("throttled");
  shop.Sync();
  ServerFrame frame;
  frame.mutable_throttle()->set_retry_after_ms(20'000);
  shop.network().Send(frame);
  shop.Run();
  shop.Sell("1", "milk", 1);
  shop.Run();
  EXPECT_EQ(shop.client().Status().counts.pending, 1u);
  EXPECT_EQ(shop.client().Status().blocked_by.kind, BlockedBy::kServerAsked);
  shop.Pass(absl::Seconds(21));
  EXPECT_EQ(shop.client().Status().counts.synced, 1u);
}

TEST(ClientFaultsTest, AnotherHistoryIsRefusedAndNothingIsDropped) {
  TestShop shop("history");
  shop.Sell("1", "milk", 1);
  shop.Sync();
  shop.server().SetEpoch(std::string(16, 'F'));
  shop.Cut();
  shop.Pass(absl::Seconds(5));
  shop.Sell("2", "milk", 1);
  shop.Run();
  const ClientStatus status = shop.client().Status();
  EXPECT_EQ(status.blocked_by.kind, BlockedBy::kRefused);
  EXPECT_THAT(status.last_error, HasSubstr("server has another history"));
  EXPECT_EQ(shop.Stock("milk"), -2);
  EXPECT_EQ(status.counts.pending, 1u);
}

TEST(ClientFaultsTest, WrongFramesEndTheSessionWithAReasonAndChangeNothing) {
  const auto error = [](const std::string& name, std::function<void(TestShop&)> send) {
    TestShop shop("wrong_" + name);
    shop.Sell("1", "milk", 1);
    shop.server().HoldReceipts(true);
    shop.server().HoldFeed(true);
    shop.Sync();
    send(shop);
    shop.Run();
    const ClientStatus status = shop.client().Status();
    EXPECT_FALSE(status.connected) << name;
    EXPECT_EQ(status.counts.pending, 1u) << name;
    EXPECT_EQ(status.scopes[0].cursor, Position(0)) << name;
    EXPECT_EQ(shop.Stock("milk"), -1) << name;
    return status.last_error;
  };
  EXPECT_THAT(error("bytes", [](TestShop& shop) { shop.network().SendBytes("\xff\xff\xff"); }),
              HasSubstr("no frame"));
  EXPECT_THAT(error("elements",
                    [](TestShop& shop) {
                      ServerFrame frame;  // 60 KB, which would take some megabytes
                      for (int i = 0; i < 30'000; ++i) frame.mutable_receipts()->add_runs();
                      shop.network().Send(frame);
                    }),
              HasSubstr("too many elements"));
  const auto feed = [](std::function<void(Feed&)> spoil) {
    return [spoil](TestShop& shop) {
      shop.server().HoldFeed(true);
      ServerFrame frame;
      *frame.mutable_feed() = shop.server().MakeFeed("shop", 0, shop.server().head());
      spoil(*frame.mutable_feed());
      shop.network().Send(frame);
    };
  };
  EXPECT_THAT(error("from", feed([](Feed& feed) {
                      feed.set_from(7);
                      feed.set_through(9);
                    })),
              HasSubstr("cursor is at 0"));
  EXPECT_THAT(error("epoch", feed([](Feed& feed) { feed.set_epoch_id("x"); })),
              HasSubstr("another epoch"));
  EXPECT_THAT(error("scope", feed([](Feed& feed) { feed.set_scope("other"); })),
              HasSubstr("does not subscribe"));
  EXPECT_THAT(error("chain", feed([](Feed& feed) { feed.set_chain("x"); })), HasSubstr("chain"));
  EXPECT_THAT(error("block", feed([](Feed& feed) { feed.mutable_block()->back() ^= 1; })),
              HasSubstr("feed of scope \"shop\""));
  EXPECT_THAT(error("receipts",
                    [](TestShop& shop) {
                      ServerFrame frame;
                      frame.mutable_receipts()->set_log_id("who");
                      shop.network().Send(frame);
                    }),
              HasSubstr("not this device's"));
  EXPECT_THAT(error("welcome",
                    [](TestShop& shop) {
                      ServerFrame frame;
                      frame.mutable_welcome()->set_epoch_id(std::string(16, 'E'));
                      shop.network().Send(frame);
                    }),
              HasSubstr("Welcome twice"));
}

TEST(ClientFaultsTest, AFrameOfALaterVersionIsLeftOut) {
  TestShop shop("later");
  shop.Sync();
  shop.network().SendBytes(std::string("\xa2\x06\x01x", 4));  // field 100
  shop.Run();
  EXPECT_TRUE(shop.client().Status().connected);
}

TEST(ClientFaultsTest, DigestsAreComparedAtTheirPosition) {
  TestShop shop("digests");
  shop.server().FeedEvents(1);
  shop.server().Append("shop", TestShop::ByOthers("1", "milk", 1));
  shop.Sync();
  const auto digest = [&](uint64_t position, std::string bytes, uint32_t version = 2) {
    ServerFrame frame;
    frame.mutable_digest()->set_projection("stock");
    frame.mutable_digest()->set_version(version);
    frame.mutable_digest()->set_scope("shop");
    frame.mutable_digest()->set_position(position);
    frame.mutable_digest()->set_digest(std::move(bytes));
    shop.network().Send(frame);
    shop.Run();
  };
  const std::string own = (*shop.client().Digests("stock"))[0].digest.Bytes();
  digest(1, own);
  EXPECT_EQ(shop.client().Status().digests_equal, 1u);
  shop.server().Append("shop", TestShop::ByOthers("1", "milk", 1));
  shop.Run();
  digest(1, std::string(16, 'x'));  // a moment that has passed
  digest(2, own, 3);                // of another version: not comparable
  digest(3, std::string(16, 'y'));  // a moment to come
  shop.server().Append("shop", TestShop::ByOthers("1", "milk", 1));
  shop.Run();
  EXPECT_EQ(shop.client().Status().digests_unequal, 2u);
}

TEST(ClientFaultsTest, CreditIsGivenBackForWhatWasFolded) {
  TestShop shop("credit");
  shop.Sync();
  for (int i = 0; i < 20; ++i) shop.server().Append("shop", TestShop::ByOthers("1", "milk", 1));
  shop.Run();
  EXPECT_GT(shop.server().credit(), 2000u);
  EXPECT_EQ(shop.Stock("milk"), -20);
}

TEST(ClientFaultsTest, I15_ASilentServerIsLeft) {
  TestShop shop("silent");
  shop.Sync();
  shop.server().HoldReceipts(true);
  shop.server().HoldFeed(true);
  shop.Sell("1", "milk", 1);
  shop.Pass(absl::Seconds(40));
  EXPECT_EQ(shop.network().connections(), 1);
  shop.server().HoldReceipts(false);
  shop.server().HoldFeed(false);
  shop.Pass(absl::Minutes(2));
  EXPECT_GE(shop.network().connections(), 1);
  EXPECT_EQ(shop.client().Status().counts.synced, 1u);
  EXPECT_GE(shop.server().reports().size(), 2u);  // signs of life
}

}  // namespace
}  // namespace intentlog
