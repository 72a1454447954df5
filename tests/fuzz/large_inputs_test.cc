// I33 at sizes that a fuzzer does not reach by small steps: the largest inputs of the worst shapes
// that each entry takes, within the limits of time and memory or refused within them.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "eventlog/log/block.h"
#include "eventlog/log/coding.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/schema/json.h"
#include "eventlog/schema/schema.h"
#include "google/protobuf/descriptor.pb.h"
#include "projections/snapshot/snapshot_block.h"
#include "projections/snapshot/snapshot_file.h"
#include "proto/commerce.pb.h"
#include "proto/snapshot.pb.h"
#include "proto/sync.pb.h"
#include "server/options.h"
#include "server/sequencer/push_frame.h"
#include "server/session/hello_check.h"
#include "tests/fuzz/limits.h"
#include "tools/import/csv.h"
#include "xxhash.h"

namespace intentlog::fuzz {
namespace {

// Checks by a sanitizer at each access and call are not the product's time, which the same test
// measures without them: here time tells of what grows with the square of the input alone.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INTENTLOG_INSTRUMENTED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(INTENTLOG_INSTRUMENTED)
constexpr int64_t kInstrumentedTimes = 50;
#else
constexpr int64_t kInstrumentedTimes = 1;
#endif

// The best of three: what happens once is not the input's fault.
std::string Problem(const std::string& bytes, const std::function<void()>& use) {
  std::optional<std::string> problem;
  for (int i = 0; i < 3; ++i) {
    Usage usage = Measure(use);
    usage.micros /= kInstrumentedTimes;
    problem = OverLimit(usage, bytes.size());
    if (!problem) return "";
  }
  return *problem;
}

std::string Repeated(const std::string& what, size_t size) {
  std::string bytes;
  while (bytes.size() + what.size() <= size) bytes += what;
  return bytes;
}

// `inner` as field `number` of a message.
std::string Within(int number, const std::string& inner) {
  std::string bytes(1, static_cast<char>(number << 3 | 2));
  for (uint64_t size = inner.size();; size >>= 7) {
    bytes.push_back(static_cast<char>(size < 0x80 ? size : size | 0x80));
    if (size < 0x80) return bytes + inner;
  }
}

TEST(LargeInputsTest, I33_AFrameOfEmptyElementsToTheServer) {
  const ServerOptions options;
  const size_t most = options.frame_bytes_max - 16;
  for (int frame = 1; frame <= 4; ++frame) {
    for (int element = 1; element <= 17; ++element) {
      const std::string bytes =
          Within(frame, Repeated(std::string({static_cast<char>(element << 3 | 2), 0}), most));
      EXPECT_EQ(Problem(bytes,
                        [&] {
                          (void)ParsePushFrame(bytes);
                          if (!CheckHelloSize(bytes, options).ok()) return;
                          DeviceFrame parsed;
                          if (!parsed.ParseFromString(bytes)) return;
                          if (parsed.has_hello()) (void)CheckHello(parsed.hello(), options);
                        }),
                "")
          << frame << " " << element;
    }
  }
}

TEST(LargeInputsTest, I33_AFrameOfEmptyElementsToTheDevice) {
  for (int frame = 1; frame <= 10; ++frame) {
    for (int element = 1; element <= 12; ++element) {
      const std::string bytes =
          Within(frame, Repeated(std::string({static_cast<char>(element << 3 | 2), 0}), 1 << 20));
      EXPECT_EQ(Problem(bytes,
                        [&] {
                          if (!IsCheapToParse(*ServerFrame::descriptor(), bytes)) return;
                          ServerFrame parsed;
                          (void)parsed.ParseFromString(bytes);
                        }),
                "")
          << frame << " " << element;
    }
  }
}

TEST(LargeInputsTest, I33_ASnapshotOfManyViews) {
  SnapshotInfo info;
  info.set_epoch_id(std::string(16, 'E'));
  info.set_chain(std::string(32, 'c'));
  for (int i = 0; i < 60'000; ++i) info.add_views()->set_name("view " + std::to_string(i));
  const std::string bytes = info.SerializeAsString();
  EXPECT_EQ(Problem(bytes, [&] { EXPECT_TRUE(CheckSnapshotInfo(info, 8, 8).ok()); }), "");
  info.mutable_views(0)->set_name("view 59999");
  EXPECT_FALSE(CheckSnapshotInfo(info, 8, 8).ok());
}

TEST(LargeInputsTest, I33_ASchemaOfManyEmptyThings) {
  // A file's messages, services, names of imports; a set's files.
  for (const int number : {3, 4, 5, 6, 7}) {
    const std::string file =
        Within(1, "forms.proto") +
        Repeated(std::string({static_cast<char>(number << 3 | 2), 0}), 1 << 20);
    const std::string bytes = Within(1, file);
    EXPECT_EQ(Problem(bytes, [&] { (void)Schema::FromDescriptorSet(bytes); }), "") << number;
  }
  const std::string files = Repeated(std::string("\x0a\x00", 2), 1 << 20);
  EXPECT_EQ(Problem(files, [&] { (void)Schema::FromDescriptorSet(files); }), "");
}

TEST(LargeInputsTest, I33_ABlockOfManyScopes) {
  BlockBuilder builder;
  for (uint64_t i = 1; i <= 4'000; ++i) {
    builder.Add({Position(2 * i), "s" + std::to_string(i), true, "", ""});
  }
  const std::string bytes = builder.Finish(ChainValue());
  EXPECT_EQ(Problem(bytes,
                    [&] {
                      const auto block = BlockView::Parse(bytes);
                      ASSERT_TRUE(block.ok());
                      BlockBuilder again;
                      again.Add(*block, 0, block->size());
                      EXPECT_EQ(again.Finish(ChainValue()), bytes);
                    }),
            "");
}

TEST(LargeInputsTest, I33_RowsThatPackWell) {
  SnapshotBlockBuilder builder;
  builder.Add("", std::string(200'000, 'x'));
  const std::string bytes = builder.Finish();
  EXPECT_EQ(Problem(bytes, [&] { EXPECT_TRUE(SnapshotBlockView::Parse(bytes).ok()); }), "");
}

TEST(LargeInputsTest, I33_ARecordOfCommasAndOneOfQuotes) {
  for (const std::string& bytes :
       {std::string(1 << 20, ','), std::string(1 << 20, '"'), std::string(1 << 20, '\n')}) {
    EXPECT_EQ(Problem(bytes,
                      [&] {
                        const auto source = SourceFromMemory("orders.csv", bytes);
                        CsvReader csv(*source);
                        for (;;) {
                          const auto more = csv.Next();
                          if (!more.ok() || !*more) return;
                        }
                      }),
              "");
  }
}

TEST(LargeInputsTest, I33_APayloadOfDeepJson) {
  const auto schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
  const EventType& type = *schema->Find("intentlog.commerce.StockMoved");
  for (const std::string& unit : {std::string("["), std::string("{\"delta\":"), std::string(" ")}) {
    const std::string bytes = Repeated(unit, 100'000);
    EXPECT_EQ(Problem(bytes, [&] { EXPECT_FALSE(PayloadFromJson(type, bytes).ok()); }), "") << unit;
  }
}

}  // namespace
}  // namespace intentlog::fuzz
