// What would take too much memory is found before it is parsed.
#include "eventlog/runtime/parse_cost.h"

#include <gtest/gtest.h>

#include <string>

#include "google/protobuf/descriptor.pb.h"
#include "proto/sync.pb.h"

namespace intentlog {
namespace {

bool IsCheap(const ServerFrame& frame) {
  return IsCheapToParse(*ServerFrame::descriptor(), frame.SerializeAsString());
}

// A type within a type, so many times: about a million bytes.
std::string Nested(int levels) {
  std::string reversed;
  for (int i = 0; i < levels; ++i) {
    std::string head = "\x1a";
    for (size_t size = reversed.size();; size >>= 7) {
      head.push_back(static_cast<char>(size < 0x80 ? size : size | 0x80));
      if (size < 0x80) break;
    }
    reversed.append(head.rbegin(), head.rend());
  }
  return {reversed.rbegin(), reversed.rend()};
}

TEST(ParseCostTest, AFrameOfEmptyMessagesIsRefusedAtAnyDepth) {
  ServerFrame runs;
  for (int i = 0; i < 30'000; ++i) runs.mutable_receipts()->add_runs();
  EXPECT_FALSE(IsCheap(runs));
  ServerFrame texts;
  Reason& reason = *texts.mutable_receipts()->add_runs()->mutable_reason();
  for (int i = 0; i < 300'000; ++i) reason.add_fields();
  EXPECT_FALSE(IsCheap(texts));
}

TEST(ParseCostTest, FullFramesOfAServerPass) {
  ServerFrame receipts;
  for (uint64_t i = 0; i < 20'000; ++i) {
    ReceiptRun& run = *receipts.mutable_receipts()->add_runs();
    run.set_first_count(1000 + i);
    run.set_first_position(100'000 + i);
    run.set_length(1);
    run.set_decision(REJECTED);
    run.mutable_reason()->set_code(Reason::FIELD_TOO_LONG);
    run.mutable_reason()->set_text("quantity: at most 5");
  }
  EXPECT_TRUE(IsCheap(receipts));
  ServerFrame feed;
  feed.mutable_feed()->set_block(std::string(1 << 20, '\x12'));
  EXPECT_TRUE(IsCheap(feed));
  ServerFrame welcome;
  for (int i = 0; i < 8; ++i) welcome.mutable_welcome()->add_highest();
  EXPECT_TRUE(IsCheap(welcome));
}

// A credit that claims 256 MB in a frame of 14 bytes, and in it a text of 1.7 MB.
TEST(ParseCostTest, AMessageThatClaimsMoreThanIsAroundItIsRefused) {
  const std::string frame(
      "\x1a\xff\xff\xff\x7f\x12\xff\xdb\x6c"
      "ggggg",
      14);
  EXPECT_FALSE(IsCheapToParse(*DeviceFrame::descriptor(), frame));
  DeviceFrame hello;
  hello.mutable_hello()->add_cursors()->set_scope("shop");
  std::string bytes = hello.SerializeAsString();
  EXPECT_TRUE(IsCheapToParse(*DeviceFrame::descriptor(), bytes));
  bytes[bytes.find("shop") - 3] = '\x7f';  // how long the cursor is
  EXPECT_FALSE(IsCheapToParse(*DeviceFrame::descriptor(), bytes));
}

TEST(ParseCostTest, MessagesWithinOneAnotherAreLookedAtAsDeepAsTheyAreParsed) {
  google::protobuf::FileDescriptorSet files;
  google::protobuf::DescriptorProto* type = files.add_file()->add_message_type();
  for (int i = 0; i < 50; ++i) type = type->add_nested_type();
  EXPECT_TRUE(IsCheapToParse(*files.GetDescriptor(), files.SerializeAsString()));
  EXPECT_TRUE(IsCheapToParse(*type->GetDescriptor(), Nested(250'000)));  // and parsing refuses it
}

TEST(ParseCostTest, BytesThatAreNoMessageDoNoHarm) {
  EXPECT_TRUE(IsCheapToParse(*ServerFrame::descriptor(), std::string(100'000, '\xff')));
  EXPECT_TRUE(IsCheapToParse(*ServerFrame::descriptor(), ""));
}

}  // namespace
}  // namespace intentlog
