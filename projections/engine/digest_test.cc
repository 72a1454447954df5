#include "projections/engine/digest.h"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace intentlog {
namespace {

Digest128 Of(std::initializer_list<std::pair<std::string_view, std::string_view>> rows) {
  Digest128 digest;
  for (const auto& [key, value] : rows) digest.Add(key, value);
  return digest;
}

TEST(DigestTest, DoesNotDependOnTheOrderOfRows) {
  EXPECT_EQ(Of({{"a", "1"}, {"b", "2"}, {"c", "3"}}), Of({{"c", "3"}, {"a", "1"}, {"b", "2"}}));
}

TEST(DigestTest, KnowsWhereAKeyEnds) {
  EXPECT_NE(Of({{"ab", "c"}}), Of({{"a", "bc"}}));
  EXPECT_NE(Of({{"", "abc"}}), Of({{"abc", ""}}));
  EXPECT_NE(Of({{"", ""}}), Digest128());
}

TEST(DigestTest, RemoveTakesBackAnAddInAnyOrder) {
  Digest128 digest = Of({{"a", "1"}, {"b", "2"}});
  digest.Remove("a", "1");
  digest.Add("a", "3");
  digest.Remove("b", "2");
  EXPECT_EQ(digest, Of({{"a", "3"}}));
  digest.Remove("a", "3");
  EXPECT_EQ(digest, Digest128());

  digest.Remove("x", "y");
  digest.Add("x", "y");
  EXPECT_EQ(digest, Digest128());
}

TEST(DigestTest, CarriesAcrossItsHalves) {
  Digest128 all;
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back(std::to_string(i));
  for (const std::string& key : keys) all.Add(key, "value");
  for (const std::string& key : keys) all.Remove(key, "value");
  EXPECT_EQ(all, Digest128());
}

TEST(DigestTest, LongRowsCountWhole) {
  const std::string a(100'000, 'a');
  std::string b = a;
  b.back() = 'b';
  EXPECT_NE(Of({{"k", a}}), Of({{"k", b}}));
}

TEST(DigestTest, BytesComeBack) {
  const Digest128 digest = Of({{"a", "1"}, {"b", "2"}});
  Digest128 back;
  ASSERT_TRUE(Digest128::FromBytes(digest.Bytes(), &back));
  EXPECT_EQ(back, digest);
  EXPECT_TRUE(Digest128::FromBytes("", &back));
  EXPECT_EQ(back, Digest128());
  EXPECT_FALSE(Digest128::FromBytes("15 bytes only..", &back));
}

// Devices and servers of any age compare these: a change of the hash needs a new projection
// version.
TEST(DigestTest, I17_TheSameRowsGiveTheSameBytesForever) {
  const std::string bytes = Of({{"key", "value"}, {"", ""}}).Bytes();
  std::string hex;
  for (unsigned char byte : bytes) {
    char two[3];
    std::snprintf(two, sizeof(two), "%02x", byte);
    hex += two;
  }
  EXPECT_EQ(hex, "239d36d40e8beb33a490ece8e899549e");
}

}  // namespace
}  // namespace intentlog
