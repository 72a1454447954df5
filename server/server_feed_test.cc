// What devices are fed: history, live events, quiet cursors, digests, flow control.
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/scripted_device.h"
#include "server/test_server.h"

namespace intentlog {
namespace {

class ServerFeedTest : public testing::Test {
 protected:
  void Settle(std::initializer_list<ScriptedDevice*> devices) {
    server_.RunUntilIdle();
    for (ScriptedDevice* const device : devices) device->Absorb();
  }
  void Connect(ScriptedDevice& device) {
    device.Connect(*server_);
    Settle({&device});
  }
  // Records `moves` intents and pushes them, `at_once` in a frame.
  void PushStock(ScriptedDevice& device, int moves, int at_once, const std::string& scope) {
    const uint64_t before = device.last();
    for (int i = 0; i < moves; ++i) {
      const std::string product = Cat(scope, "/", device.last() % 5);
      device.Record(Moved(product, 1), "stock", product, scope);
    }
    for (uint64_t first = before + 1; first <= device.last(); first += at_once) {
      device.PushCounts(first, std::min<uint64_t>(first + at_once - 1, device.last()));
      server_.RunUntilIdle();
    }
    device.Absorb();
  }
  Position Head() { return (*server_->Log("default"))->head().position; }

  TestServer server_{[] {
    ServerOptions options;
    options.feed_frame_bytes = 16 << 10;
    options.small_blocks_merge_after = 8;
    return options;
  }()};
  ScriptedDevice till_{"till", {"shop"}};
  ScriptedDevice office_{"office", {"shop"}};
  ScriptedDevice head_office_{"head-office", {}, true};
};

TEST_F(ServerFeedTest, I14_HistoryThenLiveIsCompleteAndInOrder) {
  Connect(till_);
  PushStock(till_, 500, 20, "shop");
  Connect(office_);
  EXPECT_EQ(office_.seen().size(), 500u);
  PushStock(till_, 30, 3, "shop");
  Settle({&office_, &till_});
  EXPECT_EQ(office_.seen().size(), 530u);
  EXPECT_EQ(till_.seen().size(), 530u);  // its own events too
  EXPECT_EQ(office_.cursor("shop"), Head().value());
}

TEST_F(ServerFeedTest, I14_ADeviceThatReconnectsAtEveryFrameMissesAndDoublesNothing) {
  Connect(till_);
  PushStock(till_, 300, 7, "shop");
  office_.initial_credit = 1;  // one frame a session
  for (int session = 0; session < 200 && office_.cursor("shop") < Head().value(); ++session) {
    Connect(office_);
    ASSERT_FALSE(office_.goodbye().has_value()) << office_.goodbye()->text();
    office_.Disconnect();
    if (session % 3 == 0) PushStock(till_, 2, 1, "shop");
  }
  EXPECT_EQ(office_.cursor("shop"), Head().value());
  EXPECT_EQ(office_.seen().size(), till_.last());
}

TEST_F(ServerFeedTest, I12_NoTwoReadersSeeOtherBytesAtOnePosition) {
  Connect(till_);
  Connect(head_office_);
  PushStock(till_, 100, 9, "shop");
  PushStock(till_, 50, 9, "shed");
  Connect(office_);
  PushStock(till_, 40, 1, "shop");
  Settle({&office_, &till_, &head_office_});
  const ScriptedDevice& all = head_office_;
  EXPECT_EQ(all.seen().size(), 190u);
  for (const ScriptedDevice* const device : {&office_, &till_}) {
    EXPECT_EQ(device->seen().size(), 140u);
    for (const auto& [position, event] : device->seen()) {
      ASSERT_EQ(all.seen().count(position), 1u);
      EXPECT_EQ(all.seen().at(position).header, event.header);
      EXPECT_EQ(all.seen().at(position).intent, event.intent);
    }
  }
}

TEST_F(ServerFeedTest, LiveFramesAreMadeOnceForAll) {
  Connect(till_);
  Connect(office_);
  till_.Record(Moved("milk", 1), "stock", "milk");
  till_.PushCounts(1, 1);
  server_.RunUntilIdle();
  std::set<const std::string*> frames;
  for (ScriptedDevice* const device : {&till_, &office_}) {
    for (size_t i = 0; i < device->sink().frames().size(); ++i) {
      if (device->sink().frames()[i].has_feed()) frames.insert(device->sink().bytes()[i].get());
    }
  }
  EXPECT_EQ(frames.size(), 1u);
}

TEST_F(ServerFeedTest, ThoseThatTakePackedFramesAndThoseThatDoNotSeeTheSame) {
  office_.takes_packed = true;
  Connect(till_);
  PushStock(till_, 300, 100, "shop");
  Connect(office_);
  PushStock(till_, 200, 100, "shop");  // live to both
  Settle({&office_, &till_});
  ASSERT_EQ(office_.seen().size(), 500u);
  for (const auto& [position, event] : till_.seen()) {
    EXPECT_EQ(office_.seen().at(position).intent, event.intent);
  }
  EXPECT_LT(office_.feed_bytes(), till_.feed_bytes() / 2);
}

TEST_F(ServerFeedTest, ADeviceSeesItsScopesAloneAndNothingWithoutEffect) {
  Connect(till_);
  Connect(office_);
  PushStock(till_, 10, 10, "elsewhere");
  till_.Record(Priced("milk", -1), "product", "milk", "shop");  // rejected
  till_.PushCounts(11, 11);
  Settle({&till_, &office_});
  EXPECT_TRUE(office_.seen().empty());
}

TEST_F(ServerFeedTest, ScopesToComeReachWhoFollowsAll) {
  Connect(head_office_);
  Connect(till_);
  PushStock(till_, 3, 1, "shop");
  PushStock(till_, 3, 3, "market");
  Settle({&head_office_});
  EXPECT_EQ(head_office_.seen().size(), 6u);
  EXPECT_EQ(head_office_.cursor("market"), 6u);
  server_.RunFor(absl::Seconds(30));  // quiet scopes move to the head
  Settle({&head_office_});
  EXPECT_EQ(head_office_.cursor("shop"), 6u);
}

TEST_F(ServerFeedTest, AQuietScopesCursorMovesAtMostEveryTenSeconds) {
  Connect(office_);
  Connect(till_);
  PushStock(till_, 1, 1, "shop");
  Settle({&office_});
  server_.RunFor(absl::Seconds(2));
  const uint64_t before = office_.feed_frames();
  for (int second = 0; second < 40; ++second) {
    PushStock(till_, 1, 1, "elsewhere");
    server_.RunFor(absl::Seconds(1));
    Settle({&office_});
  }
  EXPECT_GE(office_.feed_frames() - before, 3u);
  EXPECT_LE(office_.feed_frames() - before, 5u);
  server_.RunFor(absl::Seconds(11));
  Settle({&office_});
  EXPECT_EQ(office_.cursor("shop"), Head().value());
  EXPECT_EQ(office_.seen().size(), 1u);
}

TEST_F(ServerFeedTest, DigestsNameTheCursorOfADeviceAndComeToNewcomersToo) {
  Connect(till_);
  PushStock(till_, 20, 5, "shop");
  server_.RunFor(absl::Seconds(3));
  Settle({&till_});
  ASSERT_EQ(till_.digests().size(), server_.options().projections.size());
  for (const Digest& digest : till_.digests()) {
    EXPECT_EQ(digest.scope(), "shop");
    EXPECT_EQ(digest.position(), till_.cursor("shop"));
    EXPECT_EQ(digest.digest().size(), 16u);
    EXPECT_EQ(digest.fingerprint().size(), 16u);
  }
  EXPECT_EQ(server_->ViewPosition("default"), Head());
  Connect(office_);
  EXPECT_EQ(office_.digests().size(), till_.digests().size());
}

TEST_F(ServerFeedTest, I34_ADeviceThatTakesNothingHoldsUpNobodyAndLosesNothing) {
  Connect(till_);
  Connect(office_);
  office_.sink().Hold();
  PushStock(till_, 20000, 500, "shop");
  EXPECT_EQ(till_.seen().size(), 20000u);
  size_t unsent = 0;
  for (const SharedFrame& frame : office_.sink().bytes()) unsent += frame->size();
  EXPECT_LT(unsent, server_.options().unsent_bytes_max + 2 * server_.options().feed_frame_bytes);
  office_.sink().Release();
  office_.Writable();
  Settle({&office_});
  EXPECT_EQ(office_.seen().size(), 20000u);
}

TEST_F(ServerFeedTest, FeedWaitsForCredit) {
  Connect(till_);
  PushStock(till_, 2000, 100, "shop");
  office_.initial_credit = 0;
  Connect(office_);
  EXPECT_EQ(office_.feed_frames(), 0u);
  office_.GiveCredit(1);
  Settle({&office_});
  EXPECT_EQ(office_.feed_frames(), 1u);  // a frame may overdraw it
  office_.GiveCredit(1);
  Settle({&office_});
  EXPECT_EQ(office_.feed_frames(), 1u);
  office_.GiveCredit(100 << 20);
  Settle({&office_});
  EXPECT_EQ(office_.seen().size(), 2000u);
}

TEST_F(ServerFeedTest, I4_NoFeedFrameEndsWithinABatch) {
  Connect(till_);
  std::set<uint64_t> begins;
  for (int batch = 0; batch < 40; ++batch) {
    const uint64_t first = till_.last() + 1;
    for (int i = 0; i < 60; ++i) till_.Record(Moved("milk", 1), "stock", "milk", "shop");
    till_.SetBatchSize(first, 60);
    till_.PushCounts(first, till_.last());
    server_.RunUntilIdle();
    begins.insert(first);
  }
  till_.Absorb();
  Connect(head_office_);
  office_.Connect(*server_);
  server_.RunUntilIdle();
  size_t frames = 0;
  for (const ServerFrame& frame : office_.sink().frames()) {
    if (!frame.has_feed()) continue;
    ++frames;
    EXPECT_EQ(begins.count(frame.feed().from() + 1), 1u) << frame.feed().from();
    EXPECT_EQ(frame.feed().through() % 60, 0u);
  }
  EXPECT_GT(frames, 5u);
}

TEST_F(ServerFeedTest, CursorsOfAnotherHistoryAreRefused) {
  Connect(till_);
  PushStock(till_, 10, 3, "shop");
  Connect(office_);
  const Hello good = office_.MakeHello();
  const auto code_of = [&](auto change) {
    Hello hello = good;
    change(*hello.mutable_cursors(0));
    ScriptedDevice device("office", {"shop"});
    device.Connect(*server_, hello);
    Settle({&device});
    return device.goodbye().has_value() ? device.goodbye()->code() : Goodbye::CODE_UNSPECIFIED;
  };
  EXPECT_EQ(code_of([](Cursor&) {}), Goodbye::CODE_UNSPECIFIED);
  EXPECT_EQ(code_of([](Cursor& one) { one.set_position(11); }), Goodbye::EPOCH_MISMATCH);
  EXPECT_EQ(code_of([](Cursor& one) { one.set_position(9); }), Goodbye::EPOCH_MISMATCH);
  EXPECT_EQ(code_of([](Cursor& one) { one.set_chain(std::string(32, 'x')); }),
            Goodbye::EPOCH_MISMATCH);
  EXPECT_EQ(code_of([](Cursor& one) { one.set_epoch_id(std::string(16, 'x')); }),
            Goodbye::EPOCH_MISMATCH);
}

TEST_F(ServerFeedTest, ACursorThatAQuietFrameMovedStaysGoodAfterARestart) {
  Connect(till_);
  Connect(office_);
  PushStock(till_, 5, 1, "elsewhere");
  server_.RunFor(absl::Seconds(12));
  Settle({&office_});
  EXPECT_EQ(office_.cursor("shop"), 5u);
  ASSERT_TRUE(server_.Stop());
  server_.Open();
  Connect(till_);
  Connect(office_);
  EXPECT_FALSE(office_.goodbye().has_value());
  PushStock(till_, 2, 1, "shop");
  Settle({&office_});
  EXPECT_EQ(office_.seen().size(), 2u);
}

}  // namespace
}  // namespace intentlog
