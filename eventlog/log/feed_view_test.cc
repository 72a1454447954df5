#include "eventlog/log/feed_view.h"

#include <string>

#include "eventlog/runtime/random.h"
#include "gtest/gtest.h"
#include "proto/sync.pb.h"

namespace intentlog {
namespace {

ServerFrame FeedOf(const std::string& block) {
  ServerFrame frame;
  Feed& feed = *frame.mutable_feed();
  feed.set_scope("shop");
  feed.set_from(41);
  feed.set_through(uint64_t{1} << 40);
  feed.set_chain(std::string(32, 'c'));
  feed.set_epoch_id(std::string(16, 'e'));
  feed.set_block(block);
  return frame;
}

TEST(FeedViewTest, AFeedIsReadAsProtobufWouldReadIt) {
  const std::string bytes = FeedOf(std::string(70000, 'b')).SerializeAsString();
  const auto feed = ParseFeedFrame(bytes);
  ASSERT_TRUE(feed.ok());
  ASSERT_TRUE(feed->has_value());
  EXPECT_EQ((*feed)->scope, "shop");
  EXPECT_EQ((*feed)->from, 41u);
  EXPECT_EQ((*feed)->through, uint64_t{1} << 40);
  EXPECT_EQ((*feed)->chain, std::string(32, 'c'));
  EXPECT_EQ((*feed)->epoch_id, std::string(16, 'e'));
  EXPECT_EQ((*feed)->block, std::string(70000, 'b'));
}

TEST(FeedViewTest, TheBlockLiesWithinTheFramesOwnBytes) {
  const std::string bytes = FeedOf("block").SerializeAsString();
  const auto feed = ParseFeedFrame(bytes);
  ASSERT_TRUE(feed.ok() && feed->has_value());
  EXPECT_GE((*feed)->block.data(), bytes.data());
  EXPECT_LE((*feed)->block.data() + (*feed)->block.size(), bytes.data() + bytes.size());
}

TEST(FeedViewTest, OtherFramesAreNoFeed) {
  ServerFrame frame;
  frame.mutable_throttle()->set_retry_after_ms(9);
  for (const std::string& bytes : {frame.SerializeAsString(), std::string()}) {
    const auto feed = ParseFeedFrame(bytes);
    ASSERT_TRUE(feed.ok());
    EXPECT_FALSE(feed->has_value());
  }
}

TEST(FeedViewTest, OfSeveralFramesInOneTheLastCounts) {
  const std::string feed = FeedOf("block").SerializeAsString();
  const google::protobuf::OneofDescriptor& frames = *ServerFrame::descriptor()->oneof_decl(0);
  for (int i = 0; i < frames.field_count(); ++i) {
    ServerFrame other;
    other.GetReflection()->MutableMessage(&other, frames.field(i));
    const bool is_feed = frames.field(i)->number() == ServerFrame::kFeedFieldNumber;
    const std::string before = other.SerializeAsString() + feed;
    const std::string after = feed + other.SerializeAsString();
    EXPECT_TRUE(ParseFeedFrame(before)->has_value()) << frames.field(i)->name();
    EXPECT_EQ(ParseFeedFrame(after)->has_value(), is_feed) << frames.field(i)->name();
  }
}

TEST(FeedViewTest, FieldsOfANewerVersionArePassedOver) {
  ServerFrame frame = FeedOf("block");
  for (google::protobuf::Message* message :
       {static_cast<google::protobuf::Message*>(&frame),
        static_cast<google::protobuf::Message*>(frame.mutable_feed())}) {
    google::protobuf::UnknownFieldSet& unknown =
        *message->GetReflection()->MutableUnknownFields(message);
    unknown.AddVarint(900, 7);
    unknown.AddFixed64(901, 7);
    unknown.AddLengthDelimited(902, "new");
  }
  const std::string bytes = frame.SerializeAsString();
  const auto feed = ParseFeedFrame(bytes);
  ASSERT_TRUE(feed.ok() && feed->has_value());
  EXPECT_EQ((*feed)->block, "block");
}

TEST(FeedViewTest, WhateverBytesComeItAgreesWithProtobufOrRefuses) {
  constexpr uint64_t kSeed = 7;
  SCOPED_TRACE(kSeed);
  SeededRandom random(kSeed);
  const std::string good = FeedOf("block").SerializeAsString();
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good.substr(0, random.Below(good.size() + 1));
    for (uint64_t flips = random.Below(3); flips > 0 && !bytes.empty(); --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    const auto feed = ParseFeedFrame(bytes);
    ServerFrame frame;
    if (!feed.ok() || !feed->has_value() || !frame.ParseFromString(bytes)) continue;
    ASSERT_TRUE(frame.has_feed());
    EXPECT_EQ((*feed)->from, frame.feed().from());
    EXPECT_EQ((*feed)->through, frame.feed().through());
    EXPECT_EQ((*feed)->block, frame.feed().block());
  }
}

}  // namespace
}  // namespace intentlog
