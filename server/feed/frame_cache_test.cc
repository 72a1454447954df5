#include "server/feed/frame_cache.h"

#include <string>

#include "gtest/gtest.h"
#include "proto/sync.pb.h"

namespace intentlog {
namespace {

constexpr FeedForm kPlain = FeedForm::kPlain;

FeedFrame Frame(uint64_t from, uint64_t through, size_t block_bytes) {
  return MakeFeedFrame({"shop", Position(from), {Position(through), {}}, std::string(16, 'e')},
                       std::string(block_bytes, 'b'));
}

TEST(FeedFrameTest, ItsBytesAreTheFrameThatProtobufWouldWrite) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{127}, size_t{128}, size_t{70000}}) {
    ServerFrame frame;
    Feed& feed = *frame.mutable_feed();
    feed.set_scope("shop");
    feed.set_from(3);
    feed.set_through(900);
    feed.set_chain(std::string(32, '\0'));
    feed.set_epoch_id(std::string(16, 'e'));
    feed.set_block(std::string(size, 'b'));
    EXPECT_EQ(*Frame(3, 900, size).bytes, frame.SerializeAsString()) << size;
  }
}

TEST(FeedFrameTest, ABlockBehindFreeRoomMakesTheSameFrameHoweverMuchRoomThereIs) {
  const FeedPart part{"shop", Position(3), {Position(900), {}}, "epoch-0123456789"};
  const std::string block(70000, 'b');
  const size_t wanted = FeedRoom(part, block.size());
  for (const size_t room : {wanted, wanted - 1, wanted + 5, size_t{0}}) {
    const FeedFrame frame = MakeFeedFrame(part, room, std::string(room, '-') + block);
    EXPECT_EQ(*frame.bytes, *MakeFeedFrame(part, block).bytes) << room;
    EXPECT_EQ(frame.from, part.from);
    EXPECT_EQ(frame.through.position, part.through.position);
  }
}

TEST(FrameCacheTest, FindsAFrameByScopeAndBegin) {
  FrameCache cache(1 << 20);
  cache.Put("shop", kPlain, Frame(0, 10, 100));
  cache.Put("shop", kPlain, Frame(10, 15, 100));
  ASSERT_TRUE(cache.Find("shop", kPlain, Position(10)).has_value());
  EXPECT_EQ(cache.Find("shop", kPlain, Position(10))->through.position, Position(15));
  EXPECT_FALSE(cache.Find("shop", kPlain, Position(9)).has_value());
  EXPECT_FALSE(cache.Find("shop", FeedForm::kPacked, Position(10)).has_value());
  EXPECT_FALSE(cache.Find("other", kPlain, Position(10)).has_value());
}

TEST(FrameCacheTest, TheLeastRecentlyUsedGoesFirst) {
  FrameCache cache(5000);
  cache.Put("shop", kPlain, Frame(0, 1, 1500));
  cache.Put("shop", kPlain, Frame(1, 2, 1500));
  ASSERT_TRUE(cache.Find("shop", kPlain, Position(0)).has_value());
  cache.Put("shop", kPlain, Frame(2, 3, 1500));
  EXPECT_TRUE(cache.Find("shop", kPlain, Position(0)).has_value());
  EXPECT_FALSE(cache.Find("shop", kPlain, Position(1)).has_value());
  EXPECT_LE(cache.bytes(), 5000u);
  cache.Put("shop", kPlain, Frame(0, 9, 1500));  // again: the newer one stays
  EXPECT_EQ(cache.Find("shop", kPlain, Position(0))->through.position, Position(9));
}

}  // namespace
}  // namespace intentlog
