// What becomes of pushes: receipts, resends, gaps, forks, batches.
#include <set>
#include <string>

#include "eventlog/log/verify.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/scripted_device.h"
#include "server/test_server.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

class ServerPushTest : public testing::Test {
 protected:
  void ConnectAll(std::initializer_list<ScriptedDevice*> devices) {
    for (ScriptedDevice* const device : devices) device->Connect(*server_);
    Settle(devices);
  }
  void Settle(std::initializer_list<ScriptedDevice*> devices) {
    server_.RunUntilIdle();
    for (ScriptedDevice* const device : devices) device->Absorb();
  }
  void RecordMoves(ScriptedDevice& device, int moves, const std::string& product = "milk") {
    for (int i = 0; i < moves; ++i) device.Record(Moved(product, -1 - i), "stock", product);
  }
  uint64_t head() { return (*server_->Log("default"))->head().position.value(); }
  void ExpectSoundLog() {
    const auto verified = VerifyLog(**server_->Log("default"));
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_THAT(verified->problems, testing::IsEmpty());
  }

  TestServer server_;
  ScriptedDevice till_{"till", {"shop"}};
  ScriptedDevice office_{"office", {"shop"}};
};

TEST_F(ServerPushTest, AWelcomeNamesEpochLimitsAndHighestCounts) {
  ConnectAll({&till_});
  EXPECT_EQ(till_.welcome().session(), 1u);
  EXPECT_EQ(till_.welcome().epoch_id().size(), 16u);
  EXPECT_EQ(till_.welcome().head(), 0u);
  ASSERT_EQ(till_.welcome().highest_size(), 1);
  EXPECT_EQ(till_.welcome().highest(0).count(), 0u);
  EXPECT_EQ(till_.welcome().limits().max_batch_intents(), 2048u);
}

// The feed told it of a later one of its own.
TEST_F(ServerPushTest, I30_OneReceiptOfWhatIsNotHereMakesADeviceAWitness) {
  ConnectAll({&till_});
  Hello hello = till_.MakeHello();
  *hello.mutable_history() = till_.welcome().history();
  hello.mutable_logs(0)->set_highest_count(5);
  hello.mutable_logs(0)->set_receipted_last(3);
  till_.Connect(*server_, hello);
  server_.RunFor(absl::Seconds(5));
  Settle({&till_});
  ASSERT_TRUE(till_.goodbye().has_value());
  EXPECT_THAT(till_.goodbye()->text(), testing::HasSubstr("the log went back: device till"));
  const auto& epochs = (*server_->Log("default"))->epochs();
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_FALSE(epochs[0].found_out());
  EXPECT_TRUE(epochs[1].found_out());
}

TEST_F(ServerPushTest, IntentsGetDensePositionsInCountOrder) {
  RecordMoves(till_, 5);
  ConnectAll({&till_});
  till_.PushCounts(1, 5);
  Settle({&till_});
  ASSERT_EQ(till_.receipts().size(), 5u);
  for (uint64_t count = 1; count <= 5; ++count) {
    EXPECT_EQ(till_.receipts().at(count).position, count);
    EXPECT_EQ(till_.receipts().at(count).decision, ACCEPTED);
  }
  EXPECT_EQ(till_.unprocessed_bytes(), 0u);
  ExpectSoundLog();
}

TEST_F(ServerPushTest, I3_AReceiptLeavesOnlyAfterTheSync) {
  RecordMoves(till_, 3);
  ConnectAll({&till_, &office_});
  till_.PushCounts(1, 3);
  server_.RunWithoutCommits();
  till_.Absorb();
  office_.Absorb();
  EXPECT_TRUE(till_.receipts().empty());
  EXPECT_TRUE(till_.seen().empty());
  EXPECT_TRUE(office_.seen().empty());
  EXPECT_GT(till_.unprocessed_bytes(), 0u);
  Settle({&till_, &office_});
  EXPECT_EQ(till_.receipts().size(), 3u);
  EXPECT_EQ(office_.seen().size(), 3u);
}

TEST_F(ServerPushTest, I3_AResendOfWhatIsNotDurableWaitsToo) {
  RecordMoves(till_, 3);
  ConnectAll({&till_});
  till_.PushCounts(1, 3);
  till_.PushCounts(1, 3);
  till_.PushCounts(2, 2);
  server_.RunWithoutCommits();
  till_.Absorb();
  EXPECT_TRUE(till_.receipts().empty());
  Settle({&till_});
  EXPECT_EQ(till_.receipts().size(), 3u);
  EXPECT_EQ(head(), 3u);
}

TEST_F(ServerPushTest, I8_IntentsPushedAgainAndAgainHaveOnePosition) {
  RecordMoves(till_, 20);
  ConnectAll({&till_});
  till_.PushCounts(1, 10);
  till_.PushCounts(1, 10);
  server_.RunWithoutCommits();
  till_.PushCounts(5, 15);  // half of it is known
  till_.PushCounts(1, 20);
  Settle({&till_});
  till_.PushCounts(1, 20);
  Settle({&till_});
  ASSERT_EQ(till_.receipts().size(), 20u);
  EXPECT_EQ(head(), 20u);
  ExpectSoundLog();
}

TEST_F(ServerPushTest, I8_TwoStreamsOfOneLogHaveOnePositionEach) {
  RecordMoves(till_, 10);
  ScriptedDevice copy = till_.Clone();
  Hello hello = copy.MakeHello();
  hello.set_device("till-copy");
  till_.Connect(*server_);
  copy.Connect(*server_, hello);
  Settle({&till_, &copy});
  till_.PushCounts(1, 10);
  copy.PushCounts(1, 10);
  Settle({&till_, &copy});
  EXPECT_EQ(head(), 10u);
  ASSERT_EQ(copy.receipts().size(), 10u);
  for (const auto& [count, receipt] : till_.receipts()) {
    EXPECT_EQ(copy.receipts().at(count).position, receipt.position);
  }
}

TEST_F(ServerPushTest, I9_AResendAfterManyOthersAndARestartGetsTheFirstReceipts) {
  // One of each: accepted, merged, conflicted, parked behind it, rejected.
  ConnectAll({&office_});
  office_.Record(Priced("milk", 900000), "product", "milk");
  office_.Record(Moved("milk", 50), "stock", "milk");
  office_.PushCounts(1, 2);
  Settle({&office_});
  till_.Record(Moved("tea", 1), "stock", "tea");
  till_.Record(Moved("milk", -1), "stock", "milk");
  till_.Record(Priced("milk", 800000), "product", "milk");
  till_.Record(Priced("milk", 700000), "product", "milk");
  till_.Record(Priced("tea", -5), "product", "tea");
  ConnectAll({&till_});
  till_.PushCounts(1, 5);
  Settle({&till_});
  const auto first = till_.receipts();
  ASSERT_EQ(first.size(), 5u);
  EXPECT_EQ(first.at(1).decision, ACCEPTED);
  EXPECT_EQ(first.at(2).decision, MERGED);
  EXPECT_EQ(first.at(3).decision, CONFLICTED);
  EXPECT_EQ(first.at(3).reason.other_position(), 1u);
  EXPECT_EQ(first.at(4).decision, PARKED);
  EXPECT_EQ(first.at(4).pointer, first.at(3).position);
  EXPECT_EQ(first.at(5).decision, REJECTED);
  EXPECT_EQ(first.at(5).reason.code(), Reason::FIELD_TOO_SMALL);

  RecordMoves(office_, 300);
  office_.PushCounts(3, office_.last());
  Settle({&office_});
  ASSERT_TRUE(server_.Stop());
  server_.Open();
  ConnectAll({&till_});
  EXPECT_EQ(till_.welcome().highest(0).count(), 5u);
  till_.PushCounts(1, 5);
  server_.RunUntilIdle();
  int runs = 0;
  for (const ServerFrame& frame : till_.sink().frames()) {
    for (const ReceiptRun& run : frame.receipts().runs()) {
      ++runs;
      const ScriptedDevice::Receipt& expected = first.at(run.first_count());
      EXPECT_EQ(run.first_position(), expected.position);
      EXPECT_EQ(run.decision(), expected.decision);
      EXPECT_EQ(run.reason().SerializeAsString(), expected.reason.SerializeAsString());
      EXPECT_EQ(run.pointer(), expected.pointer);
    }
  }
  EXPECT_EQ(runs, 5);
}

TEST_F(ServerPushTest, PlainReceiptsComeAsOneRun) {
  RecordMoves(till_, 100);
  ConnectAll({&till_});
  till_.PushCounts(1, 100);
  server_.RunUntilIdle();
  int runs = 0;
  for (const ServerFrame& frame : till_.sink().frames()) runs += frame.receipts().runs_size();
  EXPECT_EQ(runs, 1);
}

TEST_F(ServerPushTest, I10_AGapIsAnsweredWithWhereToBeginAndWhatFollowedIsPassedOver) {
  RecordMoves(till_, 30);
  ConnectAll({&till_});
  till_.PushCounts(1, 5);
  till_.PushCounts(11, 20);  // 6 to 10 are lost
  till_.PushCounts(21, 30);
  Settle({&till_});
  ASSERT_EQ(till_.others().size(), 1u);
  EXPECT_EQ(till_.others()[0].resend().from_count(), 6u);
  EXPECT_EQ(till_.receipts().size(), 5u);
  EXPECT_EQ(till_.unprocessed_bytes(), 0u);
  till_.PushCounts(6, 30);
  Settle({&till_});
  EXPECT_EQ(till_.receipts().size(), 30u);
  EXPECT_EQ(till_.others().size(), 1u);
  ExpectSoundLog();
}

TEST_F(ServerPushTest, I11_OtherBytesAtAKnownCountAreForkedAndNothingIsOverwritten) {
  RecordMoves(till_, 10);
  ScriptedDevice clone = till_.Clone();
  RecordMoves(till_, 3);
  RecordMoves(clone, 5, "tea");
  ConnectAll({&till_});
  till_.PushCounts(1, 13);
  Settle({&till_});
  // The copy pushes what it has, all of it known counts or above.
  clone.Connect(*server_);
  Settle({&clone, &till_});
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::SUPERSEDED);
  clone.PushCounts(9, 12);  // differs at 11; what is before 9 is the same, as its hash tells
  clone.PushCounts(13, 15);
  Settle({&clone});
  ASSERT_EQ(clone.others().size(), 1u);
  EXPECT_EQ(clone.others()[0].forked().first_differing_count(), 11u);
  EXPECT_EQ(clone.receipts().size(), 2u);
  EXPECT_EQ(head(), 13u);  // nothing more of this log is taken
  // What was refused is kept aside, for an operator to see.
  const auto records = *server_->Devices("default");
  ASSERT_EQ(records.size(), 1u);
  ASSERT_EQ(records[0].forks_size(), 1);
  EXPECT_EQ(records[0].forks(0).count(), 11u);
  EXPECT_EQ(records[0].forks(0).intent(), clone.MakePush(11, 11).intents(0));
}

TEST_F(ServerPushTest, I24_DevicesOfOneNameHaveSessionsSideBySideUnlessTheyShareALog) {
  ScriptedDevice other("till", {"shop"});
  ScriptedDevice copy = till_.Clone();
  ConnectAll({&till_});
  Hello hello = other.MakeHello();
  hello.mutable_logs(0)->set_log_id(std::string(16, 'q'));
  other.Connect(*server_, hello);
  Settle({&till_, &other});
  EXPECT_FALSE(till_.goodbye().has_value());
  copy.Connect(*server_);
  Settle({&till_, &other, &copy});
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::SUPERSEDED);
  EXPECT_FALSE(other.goodbye().has_value());
  EXPECT_EQ(copy.welcome().session(), 3u);  // one series of numbers for the name
  EXPECT_EQ(other.welcome().session(), 2u);
  const auto records = *server_->Devices("default");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].device(), "till");
  EXPECT_EQ(records[1].device().substr(0, 5), "till#");
}

TEST_F(ServerPushTest, I11_ADifferenceBelowWhatIsPushedIsLookedForFromEarlierCounts) {
  RecordMoves(till_, 4);
  ScriptedDevice clone = till_.Clone();
  RecordMoves(till_, 4);
  RecordMoves(clone, 10, "tea");
  ConnectAll({&till_});
  till_.PushCounts(1, 2);
  Settle({&till_});
  till_.PushCounts(3, 6);
  Settle({&till_});
  till_.PushCounts(7, 8);
  Settle({&till_});
  clone.Connect(*server_);
  Settle({&clone});
  clone.PushCounts(9, 11);  // its history differs from 5 on
  clone.PushCounts(12, 14);
  Settle({&clone});
  ASSERT_EQ(clone.others().size(), 1u);
  EXPECT_EQ(clone.others()[0].resend().from_count(), 7u);
  clone.PushCounts(7, 14);
  Settle({&clone});
  ASSERT_EQ(clone.others().size(), 2u);
  EXPECT_EQ(clone.others()[1].resend().from_count(), 1u);
  clone.PushCounts(1, 14);
  Settle({&clone});
  ASSERT_EQ(clone.others().size(), 3u);
  EXPECT_EQ(clone.others()[2].forked().first_differing_count(), 5u);
}

TEST_F(ServerPushTest, I11_TheFirstDifferenceIsNamedNotTheFirstThatWasSeen) {
  RecordMoves(till_, 2);
  ScriptedDevice clone = till_.Clone();
  RecordMoves(till_, 2);
  RecordMoves(clone, 6, "tea");
  ConnectAll({&till_});
  till_.PushCounts(1, 3);
  Settle({&till_});
  till_.PushCounts(4, 4);
  Settle({&till_});
  clone.Connect(*server_);
  Settle({&clone});
  clone.PushCounts(5, 6);
  Settle({&clone});
  ASSERT_EQ(clone.others().size(), 1u);
  EXPECT_EQ(clone.others()[0].resend().from_count(), 4u);
  clone.PushCounts(4, 6);  // 4 differs, but its hash says that something before does too
  Settle({&clone});
  ASSERT_EQ(clone.others().size(), 2u);
  EXPECT_EQ(clone.others()[1].resend().from_count(), 1u);
  clone.PushCounts(1, 6);
  Settle({&clone});
  ASSERT_EQ(clone.others().size(), 3u);
  EXPECT_EQ(clone.others()[2].forked().first_differing_count(), 3u);
}

TEST_F(ServerPushTest, AHashThatFollowsFromNothingEndsTheSession) {
  RecordMoves(till_, 6);
  ConnectAll({&till_});
  till_.PushCounts(1, 2);
  Settle({&till_});
  const auto push_wrongly = [&](uint64_t first, uint64_t last) {
    Push push = till_.MakePush(first, last);
    if (first > 1) push.set_hash_before(std::string(32, 'x'));
    till_.SendPush(push);
    Settle({&till_});
  };
  push_wrongly(3, 6);
  push_wrongly(1, 2);
  push_wrongly(3, 6);
  push_wrongly(1, 2);
  push_wrongly(3, 6);
  ASSERT_TRUE(till_.goodbye().has_value());
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::BAD_FRAME);
  EXPECT_EQ(head(), 2u);
}

TEST_F(ServerPushTest, I4_ABatchIsDecidedAsOne) {
  ConnectAll({&till_, &office_});
  office_.Record(Priced("milk", 900000), "product", "milk");
  office_.PushCounts(1, 1);
  Settle({&office_});
  const uint64_t begin = till_.Record(Moved("tea", -1), "stock", "tea");
  till_.Record(Priced("milk", 800000), "product", "milk");
  till_.SetBasedOn(HistoryPoint());
  till_.Record(Moved("tea", -2), "stock", "tea");
  till_.SetBatchSize(begin, 3);
  till_.Record(Moved("tea", -3), "stock", "tea");
  till_.PushCounts(1, 4);
  Settle({&till_});
  EXPECT_EQ(till_.receipts().at(1).decision, CONFLICTED);
  EXPECT_EQ(till_.receipts().at(1).reason.code(), Reason::BATCH_MEMBER);
  EXPECT_EQ(till_.receipts().at(2).reason.code(), Reason::CONCURRENT_CHANGE);
  EXPECT_EQ(till_.receipts().at(3).decision, CONFLICTED);
  EXPECT_EQ(till_.receipts().at(4).decision, PARKED);  // behind its lane's member of the batch
  EXPECT_EQ(till_.receipts().at(4).pointer, till_.receipts().at(1).position);
  ExpectSoundLog();
}

TEST_F(ServerPushTest, I4_AMemberThatIsMalformedRejectsItsBatch) {
  ConnectAll({&till_});
  const uint64_t begin = till_.Record(Moved("tea", -1), "stock", "tea");
  till_.Record(Moved("", -1), "stock", "milk");  // the payload is about nothing
  till_.SetBatchSize(begin, 2);
  till_.PushCounts(1, 2);
  Settle({&till_});
  EXPECT_EQ(till_.receipts().at(1).decision, REJECTED);
  EXPECT_EQ(till_.receipts().at(2).decision, REJECTED);
  EXPECT_TRUE(till_.seen().empty());
}

TEST_F(ServerPushTest, AnUnknownTypeIsParkedWithItsLane) {
  ConnectAll({&till_});
  till_.Record(Moved("tea", -1), "stock", "tea");
  till_.SetType("intentlog.commerce.StockStolen");
  till_.Record(Moved("tea", -1), "stock", "tea");
  till_.Record(Moved("milk", -1), "stock", "milk");
  till_.PushCounts(1, 3);
  Settle({&till_});
  EXPECT_EQ(till_.receipts().at(1).decision, PARKED);
  EXPECT_EQ(till_.receipts().at(1).reason.code(), Reason::UNKNOWN_TYPE);
  EXPECT_EQ(till_.receipts().at(2).reason.code(), Reason::BEHIND_OPEN);
  EXPECT_EQ(till_.receipts().at(3).decision, ACCEPTED);
}

TEST_F(ServerPushTest, ABaseAboveTheHeadIsRejectedAndOneOfAnotherEpochHasSeenNothing) {
  ConnectAll({&till_, &office_});
  office_.Record(Priced("milk", 900000), "product", "milk");
  office_.PushCounts(1, 1);
  Settle({&office_, &till_});
  HistoryPoint ahead = till_.Seen("shop");
  ASSERT_EQ(ahead.position(), 1u);
  ahead.set_position(1000);
  till_.Record(Priced("milk", 1), "product", "milk");
  till_.SetBasedOn(ahead);
  HistoryPoint other = till_.Seen("shop");
  other.set_epoch_id(std::string(16, 'x'));
  till_.Record(Priced("tea", 1), "product", "tea");
  till_.PushCounts(1, 2);
  Settle({&till_});
  EXPECT_EQ(till_.receipts().at(1).reason.code(), Reason::BASE_AHEAD);
  EXPECT_EQ(till_.receipts().at(2).decision, ACCEPTED);
  office_.Record(Priced("tea", 2), "product", "tea");
  office_.SetBasedOn(other);
  office_.PushCounts(2, 2);
  Settle({&office_});
  EXPECT_EQ(office_.receipts().at(2).decision, CONFLICTED);
}

TEST_F(ServerPushTest, I16_DecisionsAreCountedOnce) {
  RecordMoves(till_, 4);
  ConnectAll({&till_});
  till_.PushCounts(1, 4);
  Settle({&till_});
  till_.PushCounts(1, 4);
  Settle({&till_});
  const auto stats = server_->Stats("default");
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->head(), 4u);
  EXPECT_EQ(stats->device_logs(), 1u);
  EXPECT_EQ(stats->entities(), 1u);
  ASSERT_EQ(stats->decisions_size(), 1);
  EXPECT_EQ(stats->decisions(0).events(), 4u);
  EXPECT_EQ(stats->sessions(), 1u);
}

TEST_F(ServerPushTest, TheServersClockNeverGoesBackInTheLog) {
  RecordMoves(till_, 2);
  ConnectAll({&till_});
  till_.PushCounts(1, 1);
  Settle({&till_});
  server_.clock().JumpWall(-absl::Hours(24 * 365));
  till_.PushCounts(2, 2);
  Settle({&till_});
  Header first, second;
  ASSERT_TRUE(first.ParseFromString(till_.seen().at(1).header));
  ASSERT_TRUE(second.ParseFromString(till_.seen().at(2).header));
  EXPECT_EQ(second.server_time_us(), first.server_time_us());
  EXPECT_TRUE(first.restart());
  EXPECT_FALSE(second.restart());
}

TEST_F(ServerPushTest, WhereTooMuchWaitsDevicesAreAskedToPushAgainLater) {
  ServerOptions options;
  options.waiting_bytes_max = 2000;
  TestServer server(options);
  RecordMoves(till_, 60);
  till_.Connect(*server);
  server.RunUntilIdle();
  till_.Absorb();
  for (uint64_t first = 1; first <= 60; first += 5) till_.PushCounts(first, first + 4);
  server.RunUntilIdle();
  till_.Absorb();
  ASSERT_GE(till_.others().size(), 2u);
  EXPECT_GT(till_.others()[0].throttle().retry_after_ms(), 0u);
  const uint64_t from = till_.others()[1].resend().from_count();
  EXPECT_EQ(till_.receipts().size(), from - 1);
  for (uint64_t first = from; first <= 60; first += 5) {
    till_.PushCounts(first, first + 4);
    server.RunUntilIdle();
  }
  till_.Absorb();
  EXPECT_EQ(till_.receipts().size(), 60u);
  EXPECT_EQ(till_.unprocessed_bytes(), 0u);
  till_.Disconnect();
}

TEST_F(ServerPushTest, WhatIsTooMuchBehindWhatCameAgainIsAskedForToo) {
  ServerOptions options;
  options.waiting_bytes_max = 2000;
  TestServer server(options);
  RecordMoves(office_, 60);
  RecordMoves(till_, 60);
  for (ScriptedDevice* device : {&office_, &till_}) device->Connect(*server);
  server.RunUntilIdle();
  for (ScriptedDevice* device : {&office_, &till_}) device->Absorb();
  const auto asked_from = [&] {
    till_.Absorb();
    const std::vector<ServerFrame> frames = std::exchange(till_.others(), {});
    return frames.size() == 2 ? frames[1].resend().from_count() : 0;
  };
  for (uint64_t count = 1; count <= 60; ++count) office_.PushCounts(count, count);
  till_.PushCounts(1, 1);
  EXPECT_EQ(asked_from(), 1u);
  server.RunUntilIdle();  // there is room again, and nothing of the till was decided
  for (uint64_t from = 1; from <= 60;) {
    for (uint64_t count = from; count <= 60; ++count) till_.PushCounts(count, count);
    const uint64_t next = asked_from();
    server.RunUntilIdle();
    till_.Absorb();
    from = till_.receipts().size() + 1;
    ASSERT_EQ(next, from <= 60 ? from : 0);
  }
  EXPECT_EQ(till_.unprocessed_bytes(), 0u);
  for (ScriptedDevice* device : {&office_, &till_}) device->Disconnect();
}

TEST_F(ServerPushTest, I22_AnEventThatCanNotBeFoldedParksItsRowAndTheServerSaysSo) {
  ConnectAll({&till_});
  till_.Record(Moved("milk", 1), "stock", "milk");
  till_.Record(Moved("tea", INT64_MAX), "stock", "tea");
  till_.Record(Moved("tea", INT64_MAX), "stock", "tea");
  till_.PushCounts(1, 1);
  Settle({&till_});
  till_.PushCounts(2, 3);
  Settle({&till_});
  server_.RunFor(server_.options().fold_interval);  // the projector rests between small steps
  EXPECT_THAT(
      server_->degraded().ToString(),
      HasSubstr(
          "tenant default: 1 row of views stands still, such as stock shop/\"tea\" since event 3"));
  EXPECT_EQ(server_->ViewPosition("default"), Position(3));
  till_.Record(Moved("milk", 1), "stock", "milk");
  till_.PushCounts(4, 4);
  Settle({&till_});
  EXPECT_EQ(till_.receipts().size(), 4u);
  EXPECT_EQ(till_.seen().size(), 4u);
  server_.RunFor(server_.options().fold_interval);
  EXPECT_EQ(server_->ViewPosition("default"), Position(4));
}

TEST_F(ServerPushTest, ManyGroupsInFlightKeepOneOrder) {
  ServerOptions options;
  options.group_bytes_early = 1;
  options.groups_in_flight_max = 4;
  TestServer server(options);
  RecordMoves(till_, 200);
  till_.Connect(*server);
  server.RunUntilIdle();
  for (uint64_t first = 1; first <= 200; first += 10) {
    till_.PushCounts(first, first + 9);
    server.RunWithoutCommits();  // up to four groups wait for their sync
  }
  server.RunUntilIdle();
  till_.Absorb();
  ASSERT_EQ(till_.receipts().size(), 200u);
  for (const auto& [count, receipt] : till_.receipts()) EXPECT_EQ(receipt.position, count);
  const auto verified = VerifyLog(**server->Log("default"));
  ASSERT_TRUE(verified.ok());
  EXPECT_THAT(verified->problems, testing::IsEmpty());
  EXPECT_THAT(till_.seen().size(), 200u);
}

}  // namespace
}  // namespace intentlog
