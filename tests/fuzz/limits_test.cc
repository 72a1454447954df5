// The limits of I33 find what is too much.
#include "tests/fuzz/limits.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace intentlog::fuzz {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INTENTLOG_COUNTS_MEMORY
#endif
#endif

TEST(LimitsTest, LittleIsWithinThem) {
  const Usage usage =
      Measure([] { std::string(1000, 'x').swap(*std::make_unique<std::string>()); });
  EXPECT_FALSE(OverLimit(usage, 0).has_value());
}

TEST(LimitsTest, TimeIsTheThreadsOwn) {
  volatile uint64_t sum = 0;
  const Usage usage = Measure([&] {
    for (uint64_t i = 0; i < 1'000'000'000; ++i) sum = sum + i;
  });
  EXPECT_GT(usage.micros, kMicrosMax);
  EXPECT_TRUE(OverLimit(usage, 1'000'000'000).has_value());
}

#ifdef INTENTLOG_COUNTS_MEMORY

TEST(LimitsTest, MemoryIsWhatIsHeldAtOnce) {
  std::vector<std::unique_ptr<char[]>> held;
  const Usage one_by_one = Measure([] {
    for (int i = 0; i < 64; ++i) std::make_unique<char[]>(1 << 18);
  });
  EXPECT_GE(one_by_one.bytes, size_t{1} << 18);
  EXPECT_LT(one_by_one.bytes, size_t{1} << 19);
  EXPECT_FALSE(OverLimit(one_by_one, 0).has_value());
  const Usage together = Measure([&] {
    for (int i = 0; i < 8; ++i) held.push_back(std::make_unique<char[]>(1 << 18));
  });
  EXPECT_GE(together.bytes, size_t{1} << 21);
  EXPECT_TRUE(OverLimit(together, 1000).has_value());
  EXPECT_FALSE(OverLimit(together, 1 << 17).has_value());
}

TEST(LimitsTest, MemoryInManyPiecesIsCountedAsWell) {
  for (const size_t pieces : {1'000, 10'000, 100'000}) {
    std::vector<std::unique_ptr<char[]>> held(pieces);
    const Usage usage = Measure([&] {
      for (int round = 0; round < 2; ++round) {
        for (auto& piece : held) piece = std::make_unique<char[]>(100);
        for (auto& piece : held) piece.reset();
      }
    });
    EXPECT_GE(usage.bytes, 100 * pieces);
    EXPECT_LT(usage.bytes, 110 * pieces);
  }
}

#endif

}  // namespace
}  // namespace intentlog::fuzz
