#include "eventlog/runtime/ids.h"

#include <set>
#include <unordered_set>

#include "eventlog/runtime/manual_clock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class IntentIdTest : public testing::Test {
 protected:
  ManualClock clock_{absl::FromUnixMillis(0x0198f3a1b2c3)};
  SeededRandom random_{1};
  IntentIdMaker maker_{clock_, random_};
};

TEST_F(IntentIdTest, AnIdIsAUuidOfVersion7WithTheClocksMilliseconds) {
  const std::string text = ToText(maker_.Make());
  EXPECT_EQ(text.substr(0, 15), "0198f3a1-b2c3-7");
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos) << text;
}

TEST_F(IntentIdTest, IdsOfOneMakerAreInOrderWithinAMillisecond) {
  IntentId last = maker_.Make();
  for (int i = 0; i < 100'000; ++i) {
    const IntentId next = maker_.Make();
    ASSERT_LT(last.bytes(), next.bytes());
    last = next;
  }
}

TEST_F(IntentIdTest, I23_IdsStayInOrderWhenTheClockJumps) {
  IntentId last = maker_.Make();
  for (const int hours : {1, -3, 87'600, -175'200, 87'599, -900'000}) {
    clock_.JumpWall(absl::Hours(hours));
    for (int i = 0; i < 3; ++i) {
      const IntentId next = maker_.Make();
      EXPECT_LT(last.bytes(), next.bytes());
      last = next;
    }
  }
}

TEST_F(IntentIdTest, TwoMakersAtOneTimeGiveDifferentIds) {
  SeededRandom other_random(2);
  IntentIdMaker other(clock_, other_random);
  std::unordered_set<IntentId> ids;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(ids.insert(maker_.Make()).second);
    EXPECT_TRUE(ids.insert(other.Make()).second);
  }
}

TEST_F(IntentIdTest, TextAndIdAreOneAndTheSame) {
  const IntentId id = maker_.Make();
  const auto parsed = ParseIntentId(ToText(id));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, id);
  EXPECT_EQ(*ParseIntentId("0198F3A1-B2C3-7ABC-8DEF-0123456789AB"),
            *ParseIntentId("0198f3a1-b2c3-7abc-8def-0123456789ab"));
}

TEST_F(IntentIdTest, TextThatIsNoIdIsRefusedByName) {
  for (const std::string_view text :
       {"", "0198f3a1", "0198f3a1-b2c3-7abc-8def-0123456789a",
        "0198f3a1-b2c3-7abc-8def-0123456789abc", "0198f3a1xb2c3-7abc-8def-0123456789ab",
        "0198f3a1-b2c3-7abc-8def-0123456789ag", "0198f3a1-b2c3-7abc-8def0-123456789ab"}) {
    const auto parsed = ParseIntentId(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(parsed.status().ToString().find(text), std::string::npos);
  }
}

TEST(IdTest, BytesOfAnotherSizeGiveTheNilId) {
  EXPECT_TRUE(LogId::FromBytes("short").nil());
  EXPECT_TRUE(LogId::FromBytes("seventeen bytes !").nil());
  EXPECT_FALSE(LogId::FromBytes("sixteen bytes !!").nil());
  EXPECT_EQ(ToText(LogId()), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(UuidText("ab"), "6162");
}

TEST(IdTest, IdsAreOrderedAsTheirBytesAre) {
  const auto of = [](char first) { return LogId::FromBytes(first + std::string(15, 'x')); };
  const char bytes[] = {'\x00', '\x01', '\x7f', '\x80', '\xff'};
  for (size_t i = 0; i + 1 < sizeof bytes; ++i) {
    EXPECT_LT(of(bytes[i]), of(bytes[i + 1])) << i;
    EXPECT_LT(of(bytes[i]).bytes(), of(bytes[i + 1]).bytes()) << i;
  }
  EXPECT_EQ(of('\xff') <=> of('\xff'), std::strong_ordering::equal);
}

TEST(IdTest, RandomIdsDiffer) {
  const auto random = MakeSystemRandom();
  EXPECT_NE(RandomId<struct LogIdTag>(*random), RandomId<struct LogIdTag>(*random));
}

}  // namespace
}  // namespace intentlog
