#include "server/sequencer/push_frame.h"

#include <string>

#include "eventlog/runtime/random.h"
#include "gtest/gtest.h"
#include "proto/event.pb.h"
#include "proto/sync.pb.h"

namespace intentlog {
namespace {

std::string IntentBytes(uint32_t batch_size, size_t payload_bytes) {
  Intent intent;
  intent.set_type("a.B");
  intent.set_batch_size(batch_size);
  intent.set_payload(std::string(payload_bytes, 'p'));
  return intent.SerializeAsString();
}

DeviceFrame PushOf(std::initializer_list<std::string> intents) {
  DeviceFrame frame;
  Push& push = *frame.mutable_push();
  push.set_log_id(std::string(16, 'l'));
  push.set_first_count(41);
  push.set_hash_before(std::string(32, 'h'));
  for (const std::string& intent : intents) push.add_intents(intent);
  return frame;
}

TEST(PushFrameTest, APushIsReadAsProtobufWouldReadIt) {
  const std::string bytes =
      PushOf({IntentBytes(0, 10), "", IntentBytes(2, 300)}).SerializeAsString();
  const auto push = ParsePushFrame(bytes);
  ASSERT_TRUE(push.ok());
  ASSERT_TRUE(push->has_value());
  EXPECT_EQ((*push)->log_id, std::string(16, 'l'));
  EXPECT_EQ((*push)->first_count, 41u);
  EXPECT_EQ((*push)->hash_before, std::string(32, 'h'));
  ASSERT_EQ((*push)->intents.size(), 3u);
  EXPECT_EQ((*push)->intents[2], IntentBytes(2, 300));
  EXPECT_EQ((*push)->intent_bytes, IntentBytes(0, 10).size() + IntentBytes(2, 300).size());
}

TEST(PushFrameTest, OtherFramesAreNoPush) {
  DeviceFrame frame;
  frame.mutable_credit()->set_bytes(9);
  const std::string bytes = frame.SerializeAsString();
  const auto push = ParsePushFrame(bytes);
  ASSERT_TRUE(push.ok());
  EXPECT_FALSE(push->has_value());
}

TEST(PushFrameTest, FieldsOfANewerVersionArePassedOver) {
  DeviceFrame frame = PushOf({IntentBytes(0, 1)});
  const auto add = [](google::protobuf::Message& message) {
    google::protobuf::UnknownFieldSet& unknown =
        *message.GetReflection()->MutableUnknownFields(&message);
    unknown.AddVarint(900, 7);
    unknown.AddFixed32(901, 7);
    unknown.AddFixed64(902, 7);
    unknown.AddLengthDelimited(903, "seven");
  };
  add(frame);
  add(*frame.mutable_push());
  const std::string bytes = frame.SerializeAsString();
  const auto push = ParsePushFrame(bytes);
  ASSERT_TRUE(push.ok() && push->has_value());
  EXPECT_EQ((*push)->intents.size(), 1u);
}

TEST(PushFrameTest, TheFirstIntentNamesTheBatchsSize) {
  EXPECT_EQ(BatchSizeOf(IntentBytes(0, 5)), 1u);
  EXPECT_EQ(BatchSizeOf(IntentBytes(1, 5)), 1u);
  EXPECT_EQ(BatchSizeOf(IntentBytes(37, 5)), 37u);
  EXPECT_EQ(BatchSizeOf("\xff\xff\xff"), 1u);
}

absl::Status CheckOf(const DeviceFrame& frame, const BatchLimits& limits) {
  const std::string bytes = frame.SerializeAsString();
  const auto push = ParsePushFrame(bytes);
  return push.ok() ? CheckBatches(**push, limits) : push.status();
}

TEST(PushFrameTest, I4_AFrameThatCutsABatchIsRefused) {
  const BatchLimits limits{4, 1000};
  const std::string one = IntentBytes(0, 5);
  EXPECT_TRUE(CheckOf(PushOf({one, IntentBytes(3, 5), one, one, one}), limits).ok());
  EXPECT_FALSE(CheckOf(PushOf({one, IntentBytes(3, 5), one}), limits).ok());
  EXPECT_FALSE(CheckOf(PushOf({IntentBytes(5, 5), one, one, one, one}), limits).ok());
  EXPECT_FALSE(CheckOf(PushOf({IntentBytes(0, 1001)}), limits).ok());
  EXPECT_FALSE(CheckOf(PushOf({IntentBytes(2, 500), IntentBytes(0, 500)}), limits).ok());
}

TEST(PushFrameTest, I33_AnyBytesAreReadWithinTheirBounds) {
  SeededRandom random(33);
  const std::string good = PushOf({IntentBytes(2, 40), IntentBytes(0, 3)}).SerializeAsString();
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = i % 2 == 0 ? random.Bytes(random.Below(80)) : good;
    if (i % 2 == 1) {
      for (uint64_t flips = random.Below(4) + 1; flips > 0; --flips) {
        bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
      }
      bytes.resize(bytes.size() - random.Below(bytes.size()));
    }
    const std::string exact(bytes.data(), bytes.size());
    const auto push = ParsePushFrame(exact);
    if (!push.ok() || !push->has_value()) continue;
    for (const std::string_view intent : (*push)->intents) {
      ASSERT_GE(intent.data(), exact.data());
      ASSERT_LE(intent.data() + intent.size(), exact.data() + exact.size());
      BatchSizeOf(intent);
    }
    CheckBatches(**push, {2048, 512 << 10}).IgnoreError();
  }
}

}  // namespace
}  // namespace intentlog
