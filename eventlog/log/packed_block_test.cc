#include "eventlog/log/packed_block.h"

#include <fstream>
#include <sstream>
#include <string>

#include "eventlog/log/coding.h"
#include "eventlog/log/golden.h"
#include "eventlog/runtime/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;

// `events` alike, as recorded lines are.
std::string LargeBlock(uint64_t events) {
  BlockBuilder builder;
  for (uint64_t i = 1; i <= events; ++i) {
    builder.Add({Position(2 * i), "shop", true, "the header of one", "the intent of one"});
  }
  return builder.Finish({});
}

TEST(PackedBlockTest, WhatWasPackedUnpacksToTheSameBytes) {
  const std::string block = LargeBlock(2000);
  BlockPacker packer;
  const std::string packed(packer.Pack(block));
  EXPECT_LT(packed.size(), block.size() / 4);
  BlockUnpacker unpacker;
  const auto parsed = unpacker.Parse(packed);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->bytes(), block);
  EXPECT_EQ(parsed->last(), Position(4000));
}

TEST(PackedBlockTest, PackerAndUnpackerTakeOneBlockAfterAnother) {
  BlockPacker packer;
  BlockUnpacker unpacker;
  for (const uint64_t events : {2000, 1, 300, 5000}) {
    const std::string block = LargeBlock(events);
    EXPECT_EQ(unpacker.Parse(packer.Pack(block))->bytes(), block) << events;
  }
}

TEST(PackedBlockTest, ASmallBlockAndOneThatDoesNotPackStayAsTheyAre) {
  BlockPacker packer;
  const std::string small = LargeBlock(3);
  EXPECT_EQ(packer.Pack(small).data(), small.data());
  SeededRandom random(7);
  std::string noise;
  while (noise.size() < 100'000) AppendLittle64(noise, random.Next());
  BlockBuilder builder;
  builder.Add({Position(1), "shop", true, "", noise});
  const std::string block = builder.Finish({});
  EXPECT_EQ(packer.Pack(block).data(), block.data());
  EXPECT_EQ(BlockUnpacker().Parse(block)->bytes().data(), block.data());
}

TEST(PackedBlockTest, ABlockThatWouldUnpackToMoreThanItsBytesMayStaysAsItIs) {
  BlockPacker packer;
  BlockBuilder builder;
  builder.Add({Position(1), "shop", true, "", std::string(1 << 20, 'x')});
  const std::string block = builder.Finish({});
  EXPECT_EQ(packer.Pack(block).data(), block.data());
}

TEST(PackedBlockTest, OldDataAlwaysOpens) {
  std::ifstream file("eventlog/log/testdata/block_v2_feed.bin", std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  const std::string packed = bytes.str();
  ASSERT_EQ(packed.substr(0, 4), "ILB\x02");
  BlockUnpacker unpacker;
  EXPECT_EQ(unpacker.Parse(packed)->bytes(), GoldenBlock(GoldenManyEvents()));
}

TEST(PackedBlockTest, I33_ClaimsAndCutsAndFlippedBitsAreDataLoss) {
  const std::string block = LargeBlock(400);
  BlockPacker packer;
  const std::string packed(packer.Pack(block));
  BlockUnpacker unpacker;
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(unpacker.Parse(packed.substr(0, size)).status())) << size;
  }
  for (size_t bit = 0; bit < packed.size() * 8; ++bit) {
    std::string flipped = packed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const auto parsed = unpacker.Parse(flipped);
    // zstd's own head has bits that say nothing of the content.
    EXPECT_TRUE(parsed.ok() ? parsed->bytes() == block : absl::IsDataLoss(parsed.status())) << bit;
  }
  std::string claims = packed;
  StoreLittle(claims.data() + 4, uint32_t{1} << 30);
  EXPECT_THAT(unpacker.Parse(claims).status().message(), HasSubstr("impossible size"));
  StoreLittle(claims.data() + 4, static_cast<uint32_t>(block.size() + 1));
  EXPECT_THAT(unpacker.Parse(claims).status().message(), HasSubstr("another size than it says"));
}

}  // namespace
}  // namespace intentlog
