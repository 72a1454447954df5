#include "eventlog/log/block.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "eventlog/log/coding.h"
#include "eventlog/log/golden.h"
#include "eventlog/runtime/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "xxhash.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;

std::string ReadFile(const std::string& name) {
  std::ifstream file("eventlog/log/testdata/" + name, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void ExpectHolds(std::string_view bytes, const std::vector<GoldenEvent>& events) {
  const auto block = BlockView::Parse(bytes);
  ASSERT_TRUE(block.ok()) << block.status();
  ASSERT_EQ(block->size(), events.size());
  EXPECT_EQ(block->first(), Position(events.front().position));
  EXPECT_EQ(block->last(), Position(events.back().position));
  EXPECT_EQ(block->chain(), GoldenChain(events));
  for (size_t i = 0; i < events.size(); ++i) {
    const EventRef event = block->event(i);
    EXPECT_EQ(event.position, Position(events[i].position));
    EXPECT_EQ(block->position(i), event.position);
    EXPECT_EQ(event.scope, events[i].scope);
    EXPECT_EQ(event.in_feed, events[i].in_feed);
    EXPECT_EQ(event.header, events[i].header);
    EXPECT_EQ(event.intent, events[i].intent);
  }
}

// The block with its checksum made right again.
std::string Sealed(std::string bytes) {
  const size_t covered = bytes.size() - 8;
  StoreLittle(bytes.data() + covered, uint64_t{XXH3_64bits(bytes.data(), covered)});
  return bytes;
}

TEST(BlockTest, HoldsWhatWasAdded) {
  ExpectHolds(GoldenBlock(GoldenLogEvents()), GoldenLogEvents());
  ExpectHolds(GoldenBlock(GoldenFeedEvents()), GoldenFeedEvents());
}

TEST(BlockTest, OldDataAlwaysOpens) {
  ExpectHolds(ReadFile("block_v1_log.bin"), GoldenLogEvents());
  ExpectHolds(ReadFile("block_v1_feed.bin"), GoldenFeedEvents());
}

TEST(BlockTest, TheFormatIsWrittenAsItWas) {
  EXPECT_EQ(GoldenBlock(GoldenLogEvents()), ReadFile("block_v1_log.bin"));
  EXPECT_EQ(GoldenBlock(GoldenFeedEvents()), ReadFile("block_v1_feed.bin"));
}

TEST(BlockTest, TheBuilderTellsItsSizeAndIsEmptyAfterFinish) {
  BlockBuilder builder;
  EXPECT_EQ(builder.bytes(), 0u);
  builder.Add({Position(3), "s", true, "header", "intent"});
  const size_t bytes = builder.bytes();
  EXPECT_EQ(builder.Finish({}).size(), bytes);
  EXPECT_EQ(builder.size(), 0u);
  builder.Add({Position(1), "s", true, "header", "intent"});
  EXPECT_EQ(BlockView::Parse(builder.Finish({}))->first(), Position(1));
}

TEST(BlockTest, ABlockOfManyScopesFindsEachAgain) {
  BlockBuilder builder;
  for (uint64_t i = 1; i <= 600; ++i) {
    builder.Add({Position(i), "shop-" + std::to_string(i % 300), true, "h", "i"});
  }
  const std::string bytes = builder.Finish({});
  const auto block = BlockView::Parse(bytes);
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->scopes().size(), 300u);
  EXPECT_EQ(block->event(598).scope, "shop-299");
}

TEST(BlockTest, RunsOfEventsAreAddedAsEachByItself) {
  constexpr uint64_t kSeed = 3;
  SCOPED_TRACE(kSeed);
  SeededRandom random(kSeed);
  for (int round = 0; round < 200; ++round) {
    BlockBuilder one_by_one;
    BlockBuilder in_runs;
    uint64_t position = 0;
    for (uint64_t blocks = 1 + random.Below(4); blocks > 0; --blocks) {
      BlockBuilder builder;
      const bool dense = random.Below(2) == 0;
      for (uint64_t events = 1 + random.Below(20); events > 0; --events) {
        position += dense ? 1 : 1 + random.Below(3);
        builder.Add({Position(position), "shop-" + std::to_string(random.Below(3)),
                     random.Below(4) > 0, std::string(random.Below(30), 'h'),
                     std::string(random.Below(300), 'i')});
      }
      const std::string bytes = builder.Finish({});
      const BlockView block = BlockView::Parse(bytes).value();
      for (size_t begin = 0; begin < block.size();) {
        const size_t end = begin + 1 + random.Below(block.size() - begin);
        const bool wanted = random.Below(3) > 0 || in_runs.size() == 0;
        for (size_t i = begin; wanted && i < end; ++i) one_by_one.Add(block.event(i));
        if (wanted) in_runs.Add(block, begin, end);
        begin = end;
      }
    }
    ASSERT_EQ(in_runs.bytes(), one_by_one.bytes());
    ASSERT_EQ(in_runs.Finish({}), one_by_one.Finish({})) << "round " << round;
  }
}

TEST(BlockTest, APlaceTellsScopeAndFeedAsTheEventDoes) {
  const std::string bytes = GoldenBlock(GoldenLogEvents());
  const BlockView block = BlockView::Parse(bytes).value();
  for (size_t i = 0; i < block.size(); ++i) {
    EXPECT_EQ(block.place(i).in_feed, block.event(i).in_feed);
    EXPECT_EQ(block.place(i).scope, block.FindScope(block.event(i).scope));
  }
  EXPECT_EQ(block.FindScope("nowhere"), std::nullopt);
}

TEST(BlockTest, RoomInFrontChangesNothingOfTheBlock) {
  BlockBuilder plain;
  BlockBuilder with_room(17);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(with_room.bytes(), 0u);
    for (BlockBuilder* const builder : {&plain, &with_room}) {
      builder->Reserve(1000);
      builder->Add({Position(3), "s", true, "header", "intent"});
      builder->Add({Position(5), "t", false, "header", "intent"});
    }
    EXPECT_EQ(with_room.bytes(), plain.bytes());
    EXPECT_EQ(with_room.Finish({}).substr(17), plain.Finish({}));
  }
}

TEST(BlockTest, I5_EveryFlippedBitIsFound) {
  std::string bytes = GoldenBlock(GoldenLogEvents());
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    const absl::Status status = BlockView::Parse(bytes).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<char>(1 << (bit % 8));
  }
  EXPECT_TRUE(BlockView::Parse(bytes).ok());
}

TEST(BlockTest, I5_EveryTruncationAndEveryAdditionIsFound) {
  const std::string bytes = GoldenBlock(GoldenFeedEvents());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);  // of its own, so that a sanitizer sees the end
    ASSERT_EQ(BlockView::Parse(part).status().code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_FALSE(BlockView::Parse(bytes + '\0').ok());
  EXPECT_FALSE(BlockView::Parse(Sealed(bytes + std::string(8, '\0'))).ok());
}

TEST(BlockTest, DamageNamesThePosition) {
  std::string bytes = GoldenBlock(GoldenLogEvents());
  bytes[100] ^= 1;
  EXPECT_THAT(BlockView::Parse(bytes).status().ToString(),
              HasSubstr("the block at position 7 is damaged: its checksum differs"));
}

TEST(BlockTest, AnUnknownVersionIsNamed) {
  std::string bytes = GoldenBlock(GoldenLogEvents());
  bytes[3] = 2;
  EXPECT_THAT(BlockView::Parse(Sealed(bytes)).status().ToString(), HasSubstr("version"));
}

// A peer can make the checksum of anything right: then structure is what refuses it.
TEST(BlockTest, I33_HostileBlocksWithARightChecksumAreReadInsideTheirBytes) {
  for (const std::string& good :
       {GoldenBlock(GoldenLogEvents()), GoldenBlock(GoldenFeedEvents())}) {
    SeededRandom random(1);
    int accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
      std::string bytes = good;
      const int changes = 1 + static_cast<int>(random.Below(3));
      for (int i = 0; i < changes; ++i) {
        bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
      }
      bytes = Sealed(bytes);
      const auto block = BlockView::Parse(bytes);
      if (!block.ok()) continue;
      ++accepted;  // only bytes of body, names or chain differ
      size_t sum = 0;
      for (size_t i = 0; i < block->size(); ++i) {
        const EventRef event = block->event(i);
        for (const char c : event.header) sum += static_cast<unsigned char>(c);
        for (const char c : event.intent) sum += static_cast<unsigned char>(c);
        sum += event.scope.size();
      }
      EXPECT_LT(sum, size_t{1} << 30);
    }
    EXPECT_GT(accepted, 0);
  }
}

TEST(BlockTest, I33_CountsBeyondTheBytesAreRefused) {
  for (const size_t at : {24, 28, 32, 36}) {
    for (const uint32_t value : {0u, 0x7fffffffu, 0xffffffffu}) {
      std::string bytes = GoldenBlock(GoldenLogEvents());
      StoreLittle(bytes.data() + at, value);
      EXPECT_FALSE(BlockView::Parse(Sealed(bytes)).ok()) << at << " " << value;
    }
  }
}

}  // namespace
}  // namespace intentlog
