#include "server/feed/history.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/log/block.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/feed_view.h"
#include "eventlog/log/memory_engine.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/random.h"
#include "gtest/gtest.h"
#include "proto/event.pb.h"

namespace intentlog {
namespace {

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    options_.block_bytes = 2000;
    log_ = EventLog::Open(engine_, "default", EpochId::FromBytes(kEpoch), options_).value();
    EXPECT_TRUE(log_->Fence().ok());
  }

  // One append; each event ends a batch, unless `in_one_batch`.
  void Append(const std::vector<std::string>& scopes, bool in_one_batch = false) {
    EventGroup group(log_->head(), options_);
    for (size_t i = 0; i < scopes.size(); ++i) {
      Header header;
      header.set_position(group.next().value());
      header.set_decision(group.next().value() % rejected_each_ == 0 ? REJECTED : ACCEPTED);
      const std::string intent = std::string(100, 'i') + std::to_string(group.next().value());
      group.Add(header, header.SerializeAsString(), intent, scopes[i],
                !in_one_batch || i + 1 == scopes.size());
      if (header.decision() == ACCEPTED) intents_[scopes[i]][group.end().position] = intent;
    }
    ASSERT_TRUE(log_->Append(std::move(group)).ok());
    const LogEnd end = log_->head();
    ends_[end.position] = {end.position, end.chain};
  }
  void AppendRun(const std::string& scope, size_t events, bool in_one_batch = false) {
    Append(std::vector<std::string>(events, scope), in_one_batch);
  }
  FeedPlace head() const { return ends_.rbegin()->second; }

  std::vector<FeedFrame> Read(const std::string& scope, Position from, const FeedPlace& limit) {
    auto frames = ReadHistory(*log_, {scope, from, limit, kEpoch, bytes_max_, form_});
    EXPECT_TRUE(frames.ok()) << frames.status();
    return std::move(frames).value_or(std::vector<FeedFrame>());
  }
  // Reads on until `limit`, checks every frame, and that they hold what was appended.
  size_t ExpectAll(const std::string& scope, Position from, const FeedPlace& limit) {
    std::map<Position, std::string> seen;
    size_t count = 0;
    for (Position cursor = from; cursor < limit.position;) {
      for (const FeedFrame& frame : Read(scope, cursor, limit)) {
        EXPECT_EQ(frame.from, cursor);
        EXPECT_GT(frame.through.position, cursor);
        TakeFrame(scope, frame, seen);
        cursor = frame.through.position;
        ++count;
      }
      if (HasFailure()) return count;
    }
    std::map<Position, std::string> wanted;
    for (const auto& [position, intent] : intents_[scope]) {
      if (position > from && position <= limit.position) wanted[position] = intent;
    }
    EXPECT_EQ(seen, wanted);
    return count;
  }

  static constexpr char kEpoch[] = "epoch-0123456789";
  EventLogOptions options_;
  MemoryEngine engine_;
  std::unique_ptr<EventLog> log_;
  size_t bytes_max_ = 8000;
  uint64_t rejected_each_ = 7;
  FeedForm form_ = FeedForm::kPlain;
  std::map<std::string, std::map<Position, std::string>> intents_;  // that devices see
  std::map<Position, FeedPlace> ends_;                              // of appends

 private:
  void TakeFrame(const std::string& scope, const FeedFrame& frame,
                 std::map<Position, std::string>& seen) {
    const auto parsed = ParseFeedFrame(*frame.bytes);
    ASSERT_TRUE(parsed.ok() && parsed->has_value());
    const FeedView& feed = **parsed;
    EXPECT_EQ(feed.scope, scope);
    EXPECT_EQ(feed.from, frame.from.value());
    EXPECT_EQ(feed.through, frame.through.position.value());
    EXPECT_EQ(feed.epoch_id, kEpoch);
    EXPECT_EQ(feed.chain, Bytes(log_->ChainAt(frame.through.position).value()));
    if (feed.block.empty()) return;
    BlockUnpacker unpacker;
    const auto block = unpacker.Parse(feed.block);
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ(block->scopes().size(), 1u);
    EXPECT_EQ(Bytes(block->chain()), feed.chain);
    for (size_t i = 0; i < block->size(); ++i) {
      const EventRef event = block->event(i);
      EXPECT_TRUE(event.in_feed);
      EXPECT_EQ(event.scope, scope);
      EXPECT_TRUE(seen.emplace(event.position, event.intent).second) << event.position.value();
    }
  }
};

TEST_F(HistoryTest, BlocksOfOneScopeArePutTogetherUntilTheyFillAFrame) {
  AppendRun("shop", 300);  // some 50,000 bytes
  const size_t frames = ExpectAll("shop", Position(), head());
  EXPECT_LE(frames, 8u);
  EXPECT_GE(frames, 5u);
}

TEST_F(HistoryTest, I14_EveryScopeOfAMixedLogComesWholeFromAnyCursorToAnyLimit) {
  constexpr uint64_t kSeed = 5;
  SCOPED_TRACE(kSeed);
  SeededRandom random(kSeed);
  for (int append = 0; append < 60; ++append) {
    std::vector<std::string> scopes;
    for (uint64_t runs = 1 + random.Below(3); runs > 0; --runs) {
      const std::string scope = "shop-" + std::to_string(random.Below(3));
      scopes.insert(scopes.end(), 1 + random.Below(25), scope);
    }
    Append(scopes);
  }
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    const auto pick = [&] {
      return std::next(ends_.begin(), static_cast<int64_t>(random.Below(ends_.size())))->second;
    };
    const FeedPlace limit = pick();
    const Position from = random.Below(2) == 0 ? Position() : pick().position;
    bytes_max_ = 1000 + random.Below(20000);
    form_ = random.Below(2) == 0 ? FeedForm::kPlain : FeedForm::kPacked;
    ExpectAll("shop-" + std::to_string(random.Below(4)), from, limit);
  }
}

TEST_F(HistoryTest, ALimitWithinABlockEndsTheFrameThere) {
  AppendRun("shop", 2);
  const FeedPlace limit = head();
  AppendRun("shop", 2);
  AppendRun("shop", 20);
  ASSERT_EQ(log_->MergeSmallBlocks().value(), 1);  // the first two are one block now
  const std::vector<FeedFrame> frames = Read("shop", Position(), limit);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].through.position, limit.position);
  EXPECT_EQ(frames[0].through.chain, limit.chain);
  ExpectAll("shop", Position(), limit);
}

TEST_F(HistoryTest, ABlockThatFillsAFrameGoesAsItLiesInTheLog) {
  rejected_each_ = 1000;
  AppendRun("shop", 100, /*in_one_batch=*/true);
  std::string block;
  ASSERT_TRUE(engine_.ReadBlock("default", head().position, &block).ok());
  const std::vector<FeedFrame> frames = Read("shop", Position(), head());
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ((*ParseFeedFrame(*frames[0].bytes))->block, block);
}

TEST_F(HistoryTest, WhoTakesPackedFramesGetsTheSameOnesInFewerBytes) {
  AppendRun("shop", 300);
  const std::vector<FeedFrame> plain = Read("shop", Position(), head());
  form_ = FeedForm::kPacked;
  const std::vector<FeedFrame> packed = Read("shop", Position(), head());
  ASSERT_EQ(packed.size(), plain.size());
  for (size_t i = 0; i < packed.size(); ++i) {
    if (plain[i].bytes->size() > 4000) {
      EXPECT_LT(packed[i].bytes->size(), plain[i].bytes->size() / 2);
    }
    EXPECT_EQ(packed[i].through.position, plain[i].through.position);
    BlockUnpacker unpacker;
    EXPECT_EQ(unpacker.Parse((*ParseFeedFrame(*packed[i].bytes))->block)->bytes(),
              (*ParseFeedFrame(*plain[i].bytes))->block);
  }
  ExpectAll("shop", Position(), head());
}

TEST_F(HistoryTest, NothingOfAScopeIsOneEmptyFrame) {
  AppendRun("elsewhere", 200);
  const std::vector<FeedFrame> frames = Read("shop", Position(), head());
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].through.position, head().position);
  EXPECT_TRUE((*ParseFeedFrame(*frames[0].bytes))->block.empty());
}

TEST_F(HistoryTest, ASmallFrameKeepsNoMemoryOfALargeOne) {
  AppendRun("shop", 3);
  bytes_max_ = 1 << 20;
  const std::vector<FeedFrame> frames = Read("shop", Position(), head());
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_LT(frames[0].bytes->capacity(), 2 * frames[0].bytes->size());
}

}  // namespace
}  // namespace intentlog
