// What would take too much memory is found before it is parsed.
#include "eventlog/runtime/parse_cost.h"

#include <gtest/gtest.h>

#include <string>

#include "proto/sync.pb.h"

namespace intentlog {
namespace {

bool IsCheap(const ServerFrame& frame) {
  return IsCheapToParse(*ServerFrame::descriptor(), frame.SerializeAsString());
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

TEST(ParseCostTest, BytesThatAreNoMessageDoNoHarm) {
  EXPECT_TRUE(IsCheapToParse(*ServerFrame::descriptor(), std::string(100'000, '\xff')));
  EXPECT_TRUE(IsCheapToParse(*ServerFrame::descriptor(), ""));
}

}  // namespace
}  // namespace intentlog
