// Devices that break the protocol, on purpose or not.
#include <string>

#include "eventlog/runtime/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/scripted_device.h"
#include "server/test_server.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

class ServerHostileTest : public testing::Test {
 protected:
  void Settle(ScriptedDevice& device) {
    server_.RunUntilIdle();
    device.Absorb();
  }
  Goodbye GoodbyeTo(const Hello& hello) {
    ScriptedDevice device("bad", {"shop"});
    device.Connect(*server_, hello);
    Settle(device);
    EXPECT_TRUE(device.goodbye().has_value());
    EXPECT_TRUE(device.sink().closed());
    return device.goodbye().value_or(Goodbye());
  }
  // What a welcomed device hears after this push.
  Goodbye GoodbyeTo(const Push& push) {
    till_.Connect(*server_);
    Settle(till_);
    till_.others().clear();
    till_.SendPush(push);
    Settle(till_);
    return till_.goodbye().value_or(Goodbye());
  }

  TestServer server_;
  ScriptedDevice till_{"till", {"shop"}};
};

TEST_F(ServerHostileTest, AHelloThatIsWrongIsToldWhatIsWrong) {
  const Hello good = till_.MakeHello();
  const auto goodbye_to = [&](auto change) {
    Hello hello = good;
    change(hello);
    return GoodbyeTo(hello);
  };
  EXPECT_EQ(goodbye_to([](Hello& hello) { hello.set_protocol(2); }).code(),
            Goodbye::UNSUPPORTED_PROTOCOL);
  EXPECT_EQ(goodbye_to([](Hello& hello) { hello.set_tenant("../etc"); }).code(),
            Goodbye::UNKNOWN_TENANT);
  EXPECT_EQ(goodbye_to([](Hello& hello) { hello.clear_tenant(); }).code(), Goodbye::UNKNOWN_TENANT);
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.clear_device(); }).text(), HasSubstr("device"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.set_device("a\nb"); }).text(),
              HasSubstr("control"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.set_instance("x"); }).text(),
              HasSubstr("instance"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.clear_logs(); }).text(),
              HasSubstr("device logs"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { *hello.add_logs() = hello.logs(0); }).text(),
              HasSubstr("twice"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.mutable_logs(0)->set_log_id("x"); }).text(),
              HasSubstr("log_id"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.mutable_logs(0)->set_priority_class(4); }).text(),
              HasSubstr("class"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.mutable_cursors(0)->clear_scope(); }).text(),
              HasSubstr("scope"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { *hello.add_cursors() = hello.cursors(0); }).text(),
              HasSubstr("two cursors"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.mutable_cursors(0)->set_position(3); }).text(),
              HasSubstr("no epoch or chain"));
  const auto more_than = [](size_t bytes) { return std::string(bytes + 1, 'x'); };
  const int cursors_max = static_cast<int>(server_.options().cursors_max);
  EXPECT_THAT(goodbye_to([&](Hello& hello) { hello.set_device(more_than(100)); }).text(),
              HasSubstr("101 bytes; allowed are 1 to 100"));
  EXPECT_THAT(
      goodbye_to([](Hello& hello) { hello.mutable_logs(0)->set_continues_log_id("x"); }).text(),
      HasSubstr("continues_log_id"));
  EXPECT_THAT(goodbye_to([&](Hello& hello) {
                for (int i = 0; i <= cursors_max; ++i) hello.add_cursors()->set_scope(Cat("s", i));
              }).text(),
              HasSubstr("cursors, not"));
  EXPECT_THAT(goodbye_to([&](Hello& hello) {
                for (int i = 0; i <= cursors_max; ++i) hello.add_feed_only(Cat("s", i));
              }).text(),
              HasSubstr("speaks of the snapshots of at most"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.mutable_cursors(0)->set_epoch_id("x"); }).text(),
              HasSubstr("an epoch_id of 1 bytes"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.mutable_cursors(0)->set_chain("xy"); }).text(),
              HasSubstr("a chain value of 2 bytes"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.set_schema_digest("x"); }).text(),
              HasSubstr("schema_digest"));
  EXPECT_THAT(goodbye_to([&](Hello& hello) { hello.set_app_version(more_than(200)); }).text(),
              HasSubstr("app_version has more than 200 bytes"));
  EXPECT_THAT(goodbye_to([&](Hello& hello) {
                hello.mutable_health()->set_last_error(more_than(4096));
              }).text(),
              HasSubstr("more than 4096 bytes"));
  EXPECT_THAT(goodbye_to([](Hello& hello) { hello.add_history()->set_id("x"); }).text(),
              HasSubstr("a history: "));
}

TEST_F(ServerHostileTest, NothingButHelloComesFirstAndOnlyOnce) {
  RecordingSink sink;
  auto connection = server_->Accept(sink);
  DeviceFrame frame;
  frame.mutable_credit()->set_bytes(1);
  connection->OnFrame(frame.SerializeAsString());
  ASSERT_EQ(sink.frames().size(), 1u);
  EXPECT_EQ(sink.frames()[0].goodbye().code(), Goodbye::BAD_FRAME);

  till_.Connect(*server_);
  Settle(till_);
  *frame.mutable_hello() = till_.MakeHello();
  till_.SendBytes(frame.SerializeAsString());
  Settle(till_);
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::BAD_FRAME);
}

TEST_F(ServerHostileTest, APushThatIsWrongChangesNothing) {
  for (int i = 0; i < 5; ++i) till_.Record(Moved("milk", 1), "stock", "milk");
  const auto goodbye_to = [&](auto change) {
    Push push = till_.MakePush(1, 5);
    change(push);
    return GoodbyeTo(push);
  };
  EXPECT_EQ(goodbye_to([](Push& push) { push.set_log_id(std::string(16, 'z')); }).code(),
            Goodbye::BAD_FRAME);
  EXPECT_EQ(goodbye_to([](Push& push) { push.set_first_count(0); }).code(), Goodbye::BAD_FRAME);
  EXPECT_EQ(goodbye_to([](Push& push) { push.set_first_count(UINT64_MAX - 2); }).code(),
            Goodbye::BAD_FRAME);
  EXPECT_EQ(goodbye_to([](Push& push) { push.clear_intents(); }).code(), Goodbye::BAD_FRAME);
  EXPECT_EQ(goodbye_to([](Push& push) { push.set_hash_before("x"); }).code(), Goodbye::BAD_FRAME);
  EXPECT_EQ(goodbye_to([](Push& push) { push.set_hash_before(std::string(32, 'x')); }).code(),
            Goodbye::BAD_FRAME);
  till_.SetBatchSize(4, 3);
  EXPECT_THAT(goodbye_to([](Push&) {}).text(), HasSubstr("cuts the batch at count 4"));
  EXPECT_EQ((*server_->Log("default"))->head().position, Position(0));
}

TEST_F(ServerHostileTest, IntentsThatAreNoIntentsAreRejectedOneByOne) {
  till_.Record(Moved("milk", 1), "stock", "milk");
  till_.Connect(*server_);
  Settle(till_);
  Push push = till_.MakePush(1, 1);
  push.add_intents("\xff\xff\xff");
  push.add_intents("");
  till_.SendPush(push);
  Settle(till_);
  ASSERT_EQ(till_.receipts().size(), 3u);
  EXPECT_EQ(till_.receipts().at(1).decision, ACCEPTED);
  EXPECT_EQ(till_.receipts().at(2).reason.code(), Reason::MALFORMED);
  EXPECT_EQ(till_.receipts().at(3).reason.code(), Reason::MALFORMED);
  EXPECT_EQ(till_.seen().size(), 1u);
}

TEST_F(ServerHostileTest, MoreThanTheWindowEndsTheSession) {
  commerce::StockMoved big = Moved("milk", 1);
  big.set_reason(std::string(190, 'r'));
  for (int i = 0; i < 20000; ++i) till_.Record(big, "stock", "milk");
  till_.Connect(*server_);
  Settle(till_);
  for (uint64_t first = 1; first <= 20000; first += 1000) till_.PushCounts(first, first + 999);
  Settle(till_);
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::WINDOW_EXCEEDED);
}

TEST_F(ServerHostileTest, AFrameThatIsTooLargeEndsTheSession) {
  till_.Connect(*server_);
  Settle(till_);
  till_.SendBytes(std::string(server_.options().frame_bytes_max + 1, 'x'));
  Settle(till_);
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::BAD_FRAME);
}

TEST_F(ServerHostileTest, I33_AFrameOfManyEmptyElementsIsNotUnfolded) {
  RecordingSink sink;
  auto connection = server_->Accept(sink);
  std::string inner;
  for (int i = 0; i < 400000; ++i) inner += std::string("\x32\x00", 2);  // cursors, all empty
  std::string frame("\x0a", 1);
  for (uint64_t size = inner.size(); size > 0; size >>= 7) {
    frame.push_back(static_cast<char>((size & 0x7f) | (size >= 0x80 ? 0x80 : 0)));
  }
  connection->OnFrame(frame + inner);
  EXPECT_EQ(sink.frames()[0].goodbye().code(), Goodbye::BAD_FRAME);
}

TEST_F(ServerHostileTest, I33_RandomAndDamagedFramesNeverCrash) {
  SeededRandom random(3);
  for (int i = 0; i < 8; ++i) till_.Record(Moved("milk", 1), "stock", "milk");
  DeviceFrame push;
  *push.mutable_push() = till_.MakePush(1, 8);
  DeviceFrame hello;
  *hello.mutable_hello() = till_.MakeHello();
  DeviceFrame credit;
  credit.mutable_credit()->set_bytes(77);
  const std::string good[] = {push.SerializeAsString(), hello.SerializeAsString(),
                              credit.SerializeAsString()};
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good[random.Below(3)];
    for (uint64_t flips = random.Below(6); flips > 0; --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    if (random.Below(4) == 0) bytes = random.Bytes(random.Below(200));
    if (random.Below(2) == 0) {
      till_.Connect(*server_);
      server_.RunUntilIdle();
      till_.SendBytes(bytes);
    } else {
      RecordingSink sink;
      auto connection = server_->Accept(sink);
      connection->OnFrame(bytes);
      server_.RunUntilIdle();
    }
    server_.RunUntilIdle();
  }
  EXPECT_TRUE(server_->health().ok()) << server_->health();
}

TEST_F(ServerHostileTest, ASilentDeviceIsCut) {
  till_.Connect(*server_);
  Settle(till_);
  server_.RunFor(absl::Seconds(50));
  till_.GiveCredit(1);
  server_.RunFor(absl::Seconds(50));
  Settle(till_);
  EXPECT_FALSE(till_.goodbye().has_value());
  server_.RunFor(absl::Seconds(60));
  Settle(till_);
  EXPECT_TRUE(till_.goodbye().has_value());
}

TEST_F(ServerHostileTest, I24_TheNewestSessionOfADeviceWins) {
  till_.Record(Moved("milk", 1), "stock", "milk");
  till_.Connect(*server_);
  Settle(till_);
  ScriptedDevice again("till", {"shop"});
  again.Connect(*server_);
  till_.PushCounts(1, 1);
  Settle(again);
  till_.Absorb();
  EXPECT_EQ(till_.goodbye()->code(), Goodbye::SUPERSEDED);
  EXPECT_EQ(again.welcome().session(), 2u);
  ASSERT_TRUE(server_.Stop());
  server_.Open();
  again.Connect(*server_);
  Settle(again);
  EXPECT_EQ(again.welcome().session(), 3u);
}

TEST_F(ServerHostileTest, SessionsAreLimited) {
  ServerOptions options;
  options.sessions_max = 1;
  TestServer server(options);
  till_.Connect(*server);
  server.RunUntilIdle();
  ScriptedDevice other("other", {"shop"});
  other.Connect(*server);
  server.RunUntilIdle();
  other.Absorb();
  EXPECT_EQ(other.goodbye()->code(), Goodbye::SHUTTING_DOWN);
  EXPECT_GT(other.goodbye()->retry_after_ms(), 0u);
  till_.Disconnect();
  other.Connect(*server);
  server.RunUntilIdle();
  other.Absorb();
  EXPECT_EQ(other.welcome().session(), 1u);
  other.Disconnect();
}

}  // namespace
}  // namespace intentlog
