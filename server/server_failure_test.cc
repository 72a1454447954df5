// What the server does when its disk fails, and how it ends.
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/log/verify.h"
#include "eventlog/store/faulty_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/sequencer/server_rows.h"
#include "server/session/scripted_device.h"
#include "server/test_server.h"

namespace intentlog {
namespace {

using Operation = FaultyFileSystem::Operation;
using Error = FaultyFileSystem::Error;

// A server on a disk that fails on order, and a till that pushes to it.
class ServerFailureTest : public testing::Test {
 protected:
  ServerFailureTest() {
    for (int i = 0; i < 12; ++i) till_.Record(Moved(Cat("p", i % 3), 1), "stock", Cat("p", i % 3));
  }
  static std::string Scratch() {
    const std::string dir = testing::TempDir() + "/scratch";
    std::filesystem::remove_all(dir);
    std::filesystem::create_directories(dir);
    return dir;
  }
  ServerOptions OnDisk() {
    ServerOptions options;
    options.env = disk_.env();
    options.group_bytes_early = 1;  // groups overlap
    return options;
  }
  void Settle() {
    server_.RunUntilIdle();
    till_.Absorb();
  }
  void PushRest() {
    uint64_t first = till_.welcome().highest(0).count() + 1;
    for (; first <= till_.last(); first += 2) {
      till_.PushCounts(first, std::min(first + 1, till_.last()));
      server_.RunWithoutCommits();
    }
    Settle();
  }
  bool Closed() const { return till_.goodbye().has_value(); }
  void Reconnect() {
    till_.others().clear();
    till_.Connect(*server_);
    Settle();
  }
  // Every intent has one position, and that is what the till was told, ever.
  void ExpectExactlyOnce() {
    ASSERT_EQ(till_.receipts().size(), till_.last());
    const auto log = *server_->Log("default");
    EXPECT_EQ(log->head().position.value(), till_.last());
    const auto verified = VerifyLog(*log);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_THAT(verified->problems, testing::IsEmpty());
    EXPECT_EQ(till_.seen().size(), till_.last());
  }

  FaultyFileSystem disk_{Scratch()};
  ScriptedDevice till_{"till", {"shop"}};
  TestServer server_{OnDisk()};
};

TEST_F(ServerFailureTest, I6_AfterAFailedSyncNothingIsAcknowledgedUntilTheStoreIsOpenedAgain) {
  for (uint64_t nth = 1; nth <= 8; ++nth) {
    till_.Connect(*server_);
    disk_.FailAt(Operation::kLogSync, disk_.operations(Operation::kLogSync) + nth, Error::kIo,
                 /*for_good=*/false);
    Settle();
    if (!Closed()) PushRest();
    if (!disk_.happened()) break;
    ASSERT_TRUE(Closed());
    EXPECT_EQ(till_.goodbye()->code(), Goodbye::STORE_FAILED);
    EXPECT_GT(till_.goodbye()->retry_after_ms(), 0u);
    EXPECT_FALSE(server_->health().ok());
    EXPECT_TRUE(server_->Log("default").ok());  // reading goes on
    Reconnect();
    EXPECT_EQ(till_.goodbye()->code(), Goodbye::STORE_FAILED);  // not yet
    disk_.Heal();
    server_.RunFor(server_.options().reopen_interval + absl::Seconds(1));
    ASSERT_TRUE(server_->health().ok()) << server_->health();
    Reconnect();
    ASSERT_FALSE(Closed()) << till_.goodbye()->text();
    // Whether the failed group is there or not: its counts say so.
    EXPECT_EQ((*server_->Log("default"))->head().position.value(),
              till_.welcome().highest(0).count());
    for (int i = 0; i < 3; ++i) till_.Record(Moved("more", 1), "stock", "more");
    till_.Disconnect();
    till_.others().clear();
  }
  disk_.Heal();
  Reconnect();
  PushRest();
  till_.PushCounts(1, till_.last());  // to hear what was lost on the way
  Settle();
  ExpectExactlyOnce();
}

TEST_F(ServerFailureTest, I6_AFullDiskHealsByItselfWhenThereIsSpace) {
  Reconnect();
  disk_.FailAt(Operation::kLogWrite, disk_.operations(Operation::kLogWrite) + 1, Error::kNoSpace,
               /*for_good=*/true);
  PushRest();
  ASSERT_TRUE(Closed());
  EXPECT_TRUE(till_.receipts().empty());
  server_.RunFor(absl::Seconds(20));
  EXPECT_FALSE(server_->health().ok());
  disk_.Heal();
  server_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(server_->health().ok()) << server_->health();
  Reconnect();
  PushRest();
  ExpectExactlyOnce();
}

TEST_F(ServerFailureTest, I6_WithoutRoomForMoreDevicesPushLaterWhileFeedAndReadsGoOn) {
  Reconnect();
  till_.PushCounts(1, 4);
  Settle();
  ASSERT_EQ(till_.receipts().size(), 4u);
  for (uint64_t free = 8 << 20; server_->health().ok(); free -= 64 << 10) disk_.SetFreeBytes(free);
  EXPECT_TRUE(absl::IsResourceExhausted(server_->health())) << server_->health();
  till_.PushCounts(5, till_.last());
  Settle();
  ASSERT_FALSE(Closed());
  EXPECT_EQ(till_.receipts().size(), 4u);
  ASSERT_EQ(till_.others().size(), 2u);
  EXPECT_EQ(till_.others()[0].throttle().reason(), "the server's disk is full");
  EXPECT_EQ(till_.others()[1].resend().from_count(), 5u);
  ScriptedDevice office("office", {"shop"});
  office.Connect(*server_);
  server_.RunUntilIdle();
  office.Absorb();
  EXPECT_EQ(office.seen().size(), 4u);
  EXPECT_TRUE(server_->Stats("default").ok());
  disk_.Heal();
  EXPECT_TRUE(server_->health().ok()) << server_->health();
  till_.PushCounts(5, till_.last());
  Settle();
  ExpectExactlyOnce();
}

TEST_F(ServerFailureTest, I6_WithoutAnySpaceTheServerIsReadUntilThereIs) {
  Reconnect();
  till_.PushCounts(1, 4);
  Settle();
  disk_.SetFreeBytes(0);
  Reconnect();  // a session is noted in the store
  ASSERT_TRUE(Closed());
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::STORE_FAILED);
  for (int i = 0; i < 10; ++i) {
    server_.RunFor(absl::Seconds(2));
    EXPECT_TRUE(absl::IsResourceExhausted(server_->health())) << server_->health();
    EXPECT_EQ((*server_->Log("default"))->head().position, Position(4));
    EXPECT_TRUE(server_->Models("default").ok());
  }
  disk_.Heal();
  server_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(server_->health().ok()) << server_->health();
  Reconnect();
  PushRest();
  ExpectExactlyOnce();
}

TEST_F(ServerFailureTest, ProgressIsToldWhenReadModelsMoveAndWhenHealthChanges) {
  std::vector<uint64_t> told;  // positions
  server_->OnProgress([&] { told.push_back(server_->ViewPosition("default").value()); });
  Reconnect();
  till_.PushCounts(1, 4);
  Settle();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back(), 4u);
  told.clear();
  disk_.FailAt(Operation::kLogSync, disk_.operations(Operation::kLogSync) + 1, Error::kIo, false);
  PushRest();
  EXPECT_FALSE(told.empty());
  server_->OnProgress(nullptr);
}

TEST_F(ServerFailureTest, AReaderThatHoldsTheLogDelaysTheReopeningAlone) {
  Reconnect();
  auto held = *server_->Log("default");
  disk_.FailAt(Operation::kLogSync, disk_.operations(Operation::kLogSync) + 1, Error::kIo, false);
  PushRest();
  ASSERT_TRUE(Closed());
  disk_.Heal();
  server_.RunFor(absl::Seconds(10));
  EXPECT_FALSE(server_->health().ok());
  EXPECT_EQ(server_->Log("default").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(held->head().position, Position(0));  // still good to read
  held.reset();
  server_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(server_->health().ok()) << server_->health();
}

TEST_F(ServerFailureTest, I3_ACrashAtAnyMomentKeepsWhatWasAcknowledged) {
  Reconnect();
  for (int round = 0; round < 6; ++round) {
    PushRest();
    const auto acknowledged = till_.receipts();
    till_.Record(Moved("late", 1), "stock", "late");
    till_.PushCounts(till_.last(), till_.last());
    if (round % 2 == 0) server_.RunWithoutCommits();
    server_.Crash();
    server_.Open();
    Reconnect();
    ASSERT_FALSE(Closed());
    EXPECT_GE(till_.welcome().highest(0).count(), acknowledged.size());
  }
  PushRest();
  ExpectExactlyOnce();
}

TEST_F(ServerFailureTest, I7_StoppingFinishesWhatIsBeingCommitted) {
  Reconnect();
  till_.PushCounts(1, 6);
  server_.RunWithoutCommits();
  bool stopped = false;
  server_->Stop([&] { stopped = true; });
  server_.RunFor(absl::Milliseconds(300));
  till_.Absorb();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(till_.receipts().size(), 6u);
  ASSERT_TRUE(Closed());
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::SHUTTING_DOWN);
  EXPECT_TRUE(till_.sink().closed());
  ScriptedDevice late("late", {"shop"});
  late.Connect(*server_);
  late.Absorb();
  EXPECT_EQ(late.goodbye()->code(), Goodbye::SHUTTING_DOWN);
}

// A server that stops, or fails, sends all away in one moment: they must not return in one.
TEST_F(ServerFailureTest, ManyDevicesOfAServerThatStopsAreToldToReturnOneAfterTheOther) {
  std::vector<std::unique_ptr<ScriptedDevice>> devices;
  for (int i = 0; i < 300; ++i) {
    devices.push_back(std::make_unique<ScriptedDevice>(Cat("till-", i), std::vector{Cat("s", i)}));
    devices.back()->Connect(*server_);
  }
  server_.RunUntilIdle();
  ASSERT_TRUE(server_.Stop());
  std::map<uint64_t, int> returning;
  for (const auto& device : devices) {
    device->Absorb();
    ++returning[device->goodbye()->retry_after_ms()];
  }
  EXPECT_THAT(returning, testing::ElementsAre(testing::Pair(2000u, 100), testing::Pair(2100u, 100),
                                              testing::Pair(2200u, 100)));
}

// ---- what somebody wrote wrongly while no server ran

// A server of one till whose log is changed behind its back.
class ServerDamageTest : public testing::Test {
 protected:
  ServerDamageTest() {
    for (int i = 0; i < 4; ++i) till_.Record(Moved("milk", 1), "stock", "milk");
    Connect();
    till_.PushCounts(1, 2);
    server_.RunUntilIdle();
    till_.PushCounts(3, 4);
    server_.RunUntilIdle();
    till_.Absorb();
  }
  void Connect() {
    till_.Disconnect();
    till_.others().clear();
    till_.Connect(*server_);
    server_.RunUntilIdle();
    till_.Absorb();
  }
  void Change(const std::function<void(RocksdbEngine& engine, Term term)>& change) {
    till_.Disconnect();
    const bool stopped = !running_ || server_.Stop();
    ASSERT_TRUE(stopped);
    running_ = false;
    const auto engine = *RocksdbEngine::Open(ServerLogDir(server_.options().dir), StoreOptions());
    change(*engine, *engine->Fence("default"));
  }
  // What whoever connects, or opens the server, is told with this row.
  std::string WithRow(const std::string& key, const std::string& value) {
    std::string before;
    bool was_there = false;
    const auto put = [&](std::optional<std::string> row) {
      return [&, row](RocksdbEngine& engine, Term term) {
        if (row == value) was_there = *engine.GetIndex("default", key, &before);
        EngineAppend append;
        append.index.push_back({key, row});
        ASSERT_TRUE(engine.Append("default", term, append).ok());
      };
    };
    Change(put(value));
    absl::Status status = server_.TryOpen();
    running_ = status.ok();
    if (running_) {
      Connect();
      const auto goodbye = till_.goodbye();
      status = absl::DataLossError(goodbye ? goodbye->text() : "");
    }
    Change(put(was_there ? std::optional(before) : std::nullopt));
    server_.Open();
    running_ = true;
    return std::string(status.message());
  }

  TestServer server_;
  bool running_ = true;
  ScriptedDevice till_{"till", {"shop"}};
};

TEST_F(ServerDamageTest, I5_ADamagedBlockEndsTheSessionThatWouldBeFedIt) {
  Change([](RocksdbEngine& engine, Term term) {
    std::string bytes;
    ASSERT_TRUE(engine.ReadBlock("default", Position(2), &bytes).ok());
    const BlockView block = *BlockView::Parse(bytes);
    const EngineBlock whole{block.first(), block.last(), bytes};
    EngineBlock damaged = whole;
    damaged.bytes[100] ^= 1;
    ASSERT_TRUE(engine.Replace("default", term, damaged, {block.last()}, {}).ok());
  });
  server_.Open();
  running_ = true;
  ScriptedDevice office("office", {"shop"});
  office.Connect(*server_);
  server_.RunUntilIdle();
  office.Absorb();
  ASSERT_TRUE(office.goodbye().has_value());
  EXPECT_EQ(office.goodbye()->code(), Goodbye::STORE_FAILED);
  EXPECT_THAT(office.goodbye()->text(), testing::HasSubstr("is damaged: its checksum differs"));
  EXPECT_TRUE(office.seen().empty());
  Connect();  // who has it goes on
  EXPECT_FALSE(till_.goodbye().has_value());
}

TEST_F(ServerDamageTest, I5_ARowOfTheServersOwnThatDoesNotParseIsNamed) {
  for (const std::string& key : {TypesKey(), SchemaKey(), StatsKey()}) {
    EXPECT_THAT(WithRow(key, "\xff"), testing::HasSubstr("does not parse; restore")) << key;
  }
  EXPECT_EQ(WithRow(DeviceKey("till"), "\xff"), "the row of device till is damaged");
  EXPECT_THAT(WithRow(OwnLogKey(), "short"), testing::HasSubstr("own device log is missing"));
}

TEST(ServerOpenTest, AFolderThatIsNoServersIsRefusedWithOneLine) {
  TestServer server;
  ManualClock clock;
  ManualExecutor executor(clock);
  SeededRandom random(2);
  const Server::Executors executors{&executor, &executor, &executor, nullptr};
  const auto error_of = [&](const ServerOptions& options) {
    return Server::Open(options, clock, random, executors).status();
  };
  // In use.
  EXPECT_THAT(error_of(server.options()).ToString(), testing::HasSubstr("in use"));
  // A device's.
  ServerOptions options = server.options();
  options.dir = testing::TempDir() + "/device";
  StoreOptions store;
  store.role = "device";
  ASSERT_TRUE(Store::Open(options.dir, store).ok());
  EXPECT_THAT(error_of(options).ToString(), testing::HasSubstr("is the folder of a device"));
  // A file.
  options.dir = testing::TempDir() + "/device/CURRENT";
  EXPECT_FALSE(error_of(options).ok());
}

}  // namespace
}  // namespace intentlog
