// What a device does when the server, the network or a copy of itself goes wrong.
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "client/client.h"
#include "client/outbox/rows.h"
#include "client/test_shop.h"
#include "eventlog/log/block.h"
#include "eventlog/store/store.h"
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

// What a device says that waits for its receipt when `send` has sent it something wrong: its
// session ends, and nothing is changed.
std::string ErrorAfter(const std::string& name, const std::function<void(TestShop&)>& send) {
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
}

std::function<void(TestShop&)> FeedWith(std::function<void(Feed&)> spoil) {
  return [spoil = std::move(spoil)](TestShop& shop) {
    ServerFrame frame;
    *frame.mutable_feed() = shop.server().MakeFeed("shop", 0, shop.server().head());
    spoil(*frame.mutable_feed());
    shop.network().Send(frame);
  };
}

std::function<void(TestShop&)> AboutLog(
    std::function<void(ServerFrame&, const std::string& log)> fill) {
  return [fill = std::move(fill)](TestShop& shop) {
    ServerFrame frame;
    fill(frame, std::string(shop.client().Status().log_id.bytes()));
    shop.network().Send(frame);
  };
}

TEST(ClientFaultsTest, WrongFramesEndTheSessionWithAReasonAndChangeNothing) {
  EXPECT_THAT(ErrorAfter("bytes", [](TestShop& shop) { shop.network().SendBytes("\xff\xff\xff"); }),
              HasSubstr("no frame"));
  EXPECT_THAT(ErrorAfter("elements",
                         [](TestShop& shop) {
                           ServerFrame frame;  // 60 KB, which would take some megabytes
                           for (int i = 0; i < 30'000; ++i) frame.mutable_receipts()->add_runs();
                           shop.network().Send(frame);
                         }),
              HasSubstr("too many elements"));
  EXPECT_THAT(ErrorAfter("welcome",
                         [](TestShop& shop) {
                           ServerFrame frame;
                           frame.mutable_welcome()->set_epoch_id(std::string(16, 'E'));
                           shop.network().Send(frame);
                         }),
              HasSubstr("Welcome twice"));
}

TEST(ClientFaultsTest, AWrongFeedEndsTheSessionWithAReasonAndChangesNothing) {
  EXPECT_THAT(ErrorAfter("from", FeedWith([](Feed& feed) {
                           feed.set_from(7);
                           feed.set_through(9);
                         })),
              HasSubstr("cursor is at 0"));
  EXPECT_THAT(ErrorAfter("epoch", FeedWith([](Feed& feed) { feed.set_epoch_id("x"); })),
              HasSubstr("another epoch"));
  EXPECT_THAT(ErrorAfter("scope", FeedWith([](Feed& feed) { feed.set_scope("other"); })),
              HasSubstr("does not subscribe"));
  EXPECT_THAT(ErrorAfter("chain", FeedWith([](Feed& feed) { feed.set_chain("x"); })),
              HasSubstr("chain"));
  EXPECT_THAT(ErrorAfter("block", FeedWith([](Feed& feed) { feed.mutable_block()->back() ^= 1; })),
              HasSubstr("feed of scope \"shop\""));
  EXPECT_THAT(
      ErrorAfter("back", FeedWith([](Feed& feed) { feed.set_through(0), feed.set_from(1); })),
      HasSubstr("it goes back to 0"));
  EXPECT_THAT(ErrorAfter("credit",
                         FeedWith([](Feed& feed) { feed.set_block(std::string(17 << 20, 'x')); })),
              HasSubstr("more than the credit that was given"));
  EXPECT_THAT(ErrorAfter("scopes",
                         [](TestShop& shop) {
                           const uint64_t head = shop.server().Append(
                               "elsewhere", TestShop::ByOthers("1", "milk", 1));
                           ServerFrame frame;
                           Feed& feed = *frame.mutable_feed();
                           feed = shop.server().MakeFeed("elsewhere", 0, head);
                           feed.set_scope("shop");
                           shop.network().Send(frame);
                         }),
              HasSubstr("its block holds events of other scopes"));
  EXPECT_THAT(
      ErrorAfter("beyond", FeedWith([](Feed& feed) { feed.set_through(0), feed.clear_chain(); })),
      HasSubstr("its block holds positions 1 to 1"));
}

TEST(ClientFaultsTest, WrongWordsAboutTheLogEndTheSessionWithAReasonAndChangeNothing) {
  EXPECT_THAT(ErrorAfter("receipts", AboutLog([](ServerFrame& frame, const std::string&) {
                           frame.mutable_receipts()->set_log_id("who");
                         })),
              HasSubstr("not this device's"));
  EXPECT_THAT(ErrorAfter("count", AboutLog([](ServerFrame& frame, const std::string& log) {
                           frame.mutable_receipts()->set_log_id(log);
                           frame.mutable_receipts()->add_runs()->set_first_count(2);
                         })),
              HasSubstr("receipts: count 2 was never pushed"));
  EXPECT_THAT(ErrorAfter("resend", AboutLog([](ServerFrame& frame, const std::string& log) {
                           frame.mutable_resend()->set_log_id(log);
                           frame.mutable_resend()->set_from_count(3);
                         })),
              HasSubstr("resend: count 3 was never pushed; 1 is the last that was"));
  EXPECT_THAT(ErrorAfter("forked", AboutLog([](ServerFrame& frame, const std::string& log) {
                           frame.mutable_forked()->set_log_id(log);
                           frame.mutable_forked()->set_first_differing_count(2);
                         })),
              HasSubstr("forked: count 2 of log"));
  EXPECT_THAT(ErrorAfter("digest", AboutLog([](ServerFrame& frame, const std::string&) {
                           frame.mutable_digest()->set_projection("stock");
                           frame.mutable_digest()->set_digest("short");
                         })),
              HasSubstr("digest of \"stock\": 5 bytes at position 0"));
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

TEST(ClientFaultsTest, AWelcomeWithoutAnEpochIsRefused) {
  TestShop shop("no_epoch");
  shop.Sell("1", "milk", 1);
  shop.server().SetEpoch("short");
  shop.Sync();
  EXPECT_THAT(shop.client().Status().last_error, HasSubstr("the epoch's id has 5 bytes"));
  EXPECT_EQ(shop.client().Status().counts.pending, 1u);
}

TEST(ClientFaultsTest, I3_WhatTheServerAsksForAgainIsPushedAgainFromThere) {
  TestShop shop("resend");
  shop.server().HoldReceipts(true);
  shop.server().HoldFeed(true);
  for (const char* order : {"1", "2", "3"}) shop.Sell(order, "milk", 1);
  shop.Sync();
  const auto ask = [&](uint64_t from) {
    ServerFrame frame;
    frame.mutable_resend()->set_log_id(std::string(shop.client().Status().log_id.bytes()));
    frame.mutable_resend()->set_from_count(from);
    shop.network().Send(frame);
    shop.Run();
  };
  const size_t pushed = shop.server().pushes().size();
  ask(2);
  ASSERT_EQ(shop.server().pushes().size(), pushed + 1);
  EXPECT_EQ(shop.server().pushes().back().first_count(), 2u);
  EXPECT_EQ(shop.server().pushes().back().intents_size(), 2);
  ask(4);  // has everything
  EXPECT_EQ(shop.server().pushes().size(), pushed + 1);
  EXPECT_TRUE(shop.client().Status().connected);
  shop.server().HoldReceipts(false);
  ask(1);
  EXPECT_EQ(shop.client().Status().counts.synced, 3u);
  EXPECT_EQ(shop.server().head(), 3u);  // each once
}

TEST(ClientFaultsTest, I30_AServerThatAsksForWhatItHasAcknowledgedHasLostItAndIsRefused) {
  TestShop shop("asks_again");
  shop.Sell("1", "milk", 1);
  shop.Sync();
  ServerFrame frame;
  frame.mutable_resend()->set_log_id(std::string(shop.client().Status().log_id.bytes()));
  frame.mutable_resend()->set_from_count(1);
  shop.network().Send(frame);
  shop.Run();
  const ClientStatus status = shop.client().Status();
  EXPECT_FALSE(status.connected);
  EXPECT_THAT(status.last_error,
              HasSubstr("asks again for count 1, of 1 that it has acknowledged"));
  EXPECT_EQ(status.counts.synced, 1u);
  shop.Sell("2", "milk", 1);
  EXPECT_EQ(shop.client().Status().blocked_by.kind, BlockedBy::kRefused);
  EXPECT_EQ(shop.Stock("milk"), -2);
}

TEST(ClientFaultsTest, ABatchThatIsTooLargeForTheServerWaitsAndSaysSo) {
  TestShop shop("too_large");
  shop.server().limits().set_max_frame_bytes(100);
  shop.Sell("1", "milk", 1);
  shop.Sync();
  EXPECT_THAT(shop.client().Status().last_error,
              HasSubstr("and the server takes frames of at most 100"));
  EXPECT_EQ(shop.client().Status().counts.pending, 1u);
  shop.server().limits().set_max_frame_bytes(1000);
  shop.Pass(absl::Minutes(10));
  EXPECT_EQ(shop.client().Status().counts.synced, 1u);
}

TEST(ClientFaultsTest, I13_AFrameThatCanNotBeFoldedChangesNothingOfThoseBeforeIt) {
  Header header;
  header.set_position(2);
  header.set_decision(ACCEPTED);
  header.set_settlement_of(1);
  // A reason whose text is no text, and then that it settles nothing: a reader that stops at the
  // first understands another thing than one that goes on.
  const std::string damaged =
      header.SerializeAsString() + std::string("\x3a\x03\x1a\x01\xff\x48\x00", 7);
  for (const std::string& bytes : {std::string("\xff"), damaged}) {
    TestShop shop("unfoldable");
    shop.server().HoldFeed(true);
    for (int i = 0; i < 2; ++i) shop.server().Append("shop", TestShop::ByOthers("1", "milk", 1));
    shop.Sync();
    ServerFrame frame;
    shop.server().FeedEvents(1);
    *frame.mutable_feed() = shop.server().MakeFeed("shop", 0, 2);
    shop.network().Send(frame);
    Feed& second = *frame.mutable_feed();
    second = shop.server().MakeFeed("shop", 1, 2);
    const BlockView block = *BlockView::Parse(second.block());
    EventRef event = block.event(0);
    event.header = bytes;
    BlockBuilder builder;
    builder.Add(event);
    second.set_block(builder.Finish(block.chain()));
    shop.network().Send(frame);
    shop.Run();
    EXPECT_THAT(shop.client().Status().last_error,
                testing::ContainsRegex("the header .*at position 2 does not parse"));
    EXPECT_EQ(shop.client().Status().scopes[0].cursor, Position(0));
    EXPECT_EQ(shop.Stock("milk"), 0);
    shop.server().HoldFeed(false);
    shop.Pass(absl::Minutes(1));
    EXPECT_EQ(shop.Stock("milk"), -2);
  }
}

TEST(ClientFaultsTest, I13_ADeviceThatIsFarBehindFoldsInCommitsOfALimitedSize) {
  TestShop shop("far_behind");
  shop.server().FeedEvents(1000);
  for (int i = 0; i < 20'000; ++i) {
    shop.server().Append("shop", TestShop::ByOthers("1", "product-" + std::to_string(i), 1));
  }
  shop.StartSync();
  std::set<uint64_t> cursors;
  while (shop.executor().RunOne()) {
    cursors.insert(shop.client().Status().scopes[0].cursor.value());
  }
  EXPECT_EQ(*cursors.rbegin(), 20'000u);
  EXPECT_GT(cursors.size(), 3u);   // its rows are more than one commit holds
  EXPECT_LT(cursors.size(), 15u);  // and a commit holds many frames
}

TEST(ClientFaultsTest, I5_ACursorThatDoesNotParseIsNamedWhenTheFolderIsOpened) {
  TestShop shop("cursor");
  StoreBatch batch;
  batch.Put(Space::kMeta, std::string("cursor\0shop", 11), "\xff");
  ASSERT_TRUE(shop.client().store().Commit(batch, Sync::kDurable).ok());
  shop.Stop();
  const absl::Status status = shop.TryOpen();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("the cursor of scope \"shop\" does not parse"));
}

TEST(ClientFaultsTest, I5_WhereTheFolderCanNotBeReadWhatWaitsSaysSo) {
  TestShop shop("unreadable");
  shop.server().Decide([](const Intent&) { return PARKED; });
  shop.Sell("1", "milk", 1);
  shop.Sync();
  ASSERT_EQ(shop.client().Status().blocked_by.kind, BlockedBy::kParked);
  StoreBatch batch;
  batch.Put(Space::kIndex, PositionKey('o', Position(1)), "short");
  ASSERT_TRUE(shop.client().store().Commit(batch, Sync::kDurable).ok());
  shop.Sell("2", "milk", 1);  // the status is looked at anew
  shop.Run();
  const BlockedBy blocked = shop.client().Status().blocked_by;
  EXPECT_EQ(blocked.kind, BlockedBy::kStoreFailed);
  EXPECT_THAT(blocked.text, HasSubstr("the folder can not be read: "));
}

TEST(ClientFaultsTest, I15_ASilentServerIsLeft) {
  TestShop shop("silent");
  shop.Sync();
  shop.server().HoldReceipts(true);
  shop.server().HoldFeed(true);
  shop.Sell("1", "milk", 1);
  shop.Pass(absl::Seconds(44));
  EXPECT_EQ(shop.network().connections(), 1);
  EXPECT_GE(shop.server().reports().size(), 1u);  // signs of life
  std::set<std::string> errors;
  for (int i = 0; i < 100; ++i) {
    shop.Pass(absl::Milliseconds(100));
    errors.insert(shop.client().Status().last_error);
  }
  EXPECT_THAT(errors, testing::Contains(HasSubstr("the server has not answered for 45 s")));
  EXPECT_EQ(shop.network().connections(), 2);
  EXPECT_EQ(shop.client().Status().counts.pending, 1u);
  shop.server().HoldReceipts(false);
  shop.server().HoldFeed(false);
  shop.Pass(absl::Minutes(2));
  EXPECT_EQ(shop.client().Status().counts.synced, 1u);
}

}  // namespace
}  // namespace intentlog
