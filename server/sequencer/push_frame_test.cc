#include "server/sequencer/push_frame.h"

#include <string>
#include <utility>

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

TEST(PushFrameTest, OfSeveralFramesInOneTheLastCounts) {
  const std::string push = PushOf({IntentBytes(0, 1)}).SerializeAsString();
  const google::protobuf::OneofDescriptor& frames = *DeviceFrame::descriptor()->oneof_decl(0);
  for (int i = 0; i < frames.field_count(); ++i) {
    DeviceFrame other;
    other.GetReflection()->MutableMessage(&other, frames.field(i));
    const bool is_push = frames.field(i)->number() == DeviceFrame::kPushFieldNumber;
    const std::string before = other.SerializeAsString() + push;
    const std::string after = push + other.SerializeAsString();
    EXPECT_TRUE(ParsePushFrame(before)->has_value()) << frames.field(i)->name();
    EXPECT_EQ(ParsePushFrame(after)->has_value(), is_push) << frames.field(i)->name();
  }
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

// A Push of five, the second of which begins a batch of three, and what the server lost of them.
class LostRunsTest : public testing::Test {
 protected:
  LostRunsTest() {
    const std::string one = IntentBytes(0, 5);
    frame_ = PushOf({one, IntentBytes(3, 5), one, one, one});
  }
  void Lost(uint64_t first, uint32_t length, uint64_t position) {
    LostRun& run = *frame_.mutable_push()->add_lost();
    run.set_first_count(first);
    run.set_length(length);
    run.set_first_position(position);
    run.set_decision(ACCEPTED);
    run.set_epoch_id(std::string(16, 'e'));
  }
  std::string Check() const {
    const std::string bytes = frame_.SerializeAsString();
    const auto push = ParsePushFrame(bytes);
    return std::string((push.ok() ? CheckLost(**push) : push.status()).message());
  }

  DeviceFrame frame_;
};

TEST_F(LostRunsTest, I30_LostRunsLieWithinTheirPushAndInOrder) {
  EXPECT_EQ(Check(), "");
  Lost(41, 1, 70);
  Lost(42, 3, 90);
  EXPECT_EQ(Check(), "");
  Lost(44, 1, 99);
  EXPECT_EQ(Check(), "a lost run of 1 from count 44 in a Push of the counts 41 to 45");
  for (const auto& [first, length] : {std::pair<uint64_t, uint32_t>{40, 1},
                                      {46, 1},
                                      {41, 6},
                                      {41, 0},
                                      {41, UINT32_MAX},
                                      {UINT64_MAX, 2}}) {
    frame_.mutable_push()->clear_lost();
    Lost(first, length, 70);
    EXPECT_NE(Check().find("in a Push of the counts 41 to 45"), std::string::npos) << first;
  }
}

TEST_F(LostRunsTest, I30_ALostRunSaysWhereItStood) {
  Lost(41, 1, 70);
  LostRun& run = *frame_.mutable_push()->mutable_lost(0);
  const std::string no_place = "the lost run from count 41 has no place";
  run.set_epoch_id("short");
  EXPECT_EQ(Check(), no_place);
  run.set_epoch_id(std::string(16, 'e'));
  for (const uint64_t position : {uint64_t{0}, UINT64_MAX}) {
    run.set_first_position(position);
    EXPECT_EQ(Check(), no_place);
  }
  run.set_first_position(70);
  run.set_decision(static_cast<Decision>(99));
  EXPECT_EQ(Check(), no_place);
}

TEST_F(LostRunsTest, I4_ALostRunCutsNoBatch) {
  const std::string cuts = "a lost run cuts the batch at count 42";
  Lost(41, 2, 70);
  EXPECT_EQ(Check(), cuts);  // its last two were not there
  Lost(43, 2, 80);
  EXPECT_EQ(Check(), cuts);  // they were elsewhere
  frame_.mutable_push()->mutable_lost(1)->set_first_position(72);
  EXPECT_EQ(Check(), "");
  frame_.mutable_push()->clear_lost();
  Lost(44, 2, 70);
  EXPECT_EQ(Check(), cuts);
}

TEST_F(LostRunsTest, MoreLostRunsThanIntentsOrNoneThatParseAreRefused) {
  const std::string refused = "the Push has a lost run that does not parse";
  for (int i = 0; i < 7; ++i) Lost(41, 1, 70);
  EXPECT_EQ(Check(), refused);
  frame_.mutable_push()->clear_lost();
  std::string bytes = frame_.SerializeAsString();
  Push push = frame_.push();
  google::protobuf::UnknownFieldSet& unknown = *push.GetReflection()->MutableUnknownFields(&push);
  unknown.AddLengthDelimited(5, "\xff");
  *frame_.mutable_push() = push;
  EXPECT_EQ(Check(), refused);
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
