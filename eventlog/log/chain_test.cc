#include "eventlog/log/chain.h"

#include <string>

#include "eventlog/runtime/text.h"
#include "gtest/gtest.h"
#include "openssl/sha.h"

namespace intentlog {
namespace {

std::string Sha256(const std::string& input) {
  std::string out(32, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(input.data()), input.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string Size(size_t size) {
  std::string out;
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(size >> (8 * i)));
  return out;
}

TEST(ChainTest, IsSha256OfTheValueBeforeAndTheSizedParts) {
  const ChainValue before = NextChain({}, "a", "b");
  for (const size_t size : {0, 1, 200, 950, 1024, 1025, 5000}) {
    const std::string header(size / 3, 'h');
    const std::string intent(size, 'i');
    EXPECT_EQ(Bytes(NextChain(before, header, intent)),
              Sha256(std::string(Bytes(before)) + Size(header.size()) + header +
                     Size(intent.size()) + intent))
        << size;
    EXPECT_EQ(Bytes(NextLogHash(before, intent)),
              Sha256(std::string(Bytes(before)) + Size(intent.size()) + intent));
  }
}

TEST(ChainTest, TheFirstValueIsPinned) {
  EXPECT_EQ(Hex(Bytes(NextChain({}, "header", "intent"))),
            "293792ae49e77568fb37c251f94605ccaca6d49e067b918ef23ab40479d0d9bb");
}

TEST(ChainTest, BytesCannotMoveBetweenHeaderAndIntent) {
  EXPECT_NE(NextChain({}, "ab", "c"), NextChain({}, "a", "bc"));
  EXPECT_NE(NextChain({}, "", "abc"), NextChain({}, "abc", ""));
}

TEST(ChainTest, AnAbsentValueIsZerosAndAnyOtherLengthIsNone) {
  ChainValue value;
  value.fill(1);
  EXPECT_TRUE(ToChainValue("", &value));
  EXPECT_EQ(value, ChainValue{});
  EXPECT_TRUE(ToChainValue(std::string(32, 'x'), &value));
  EXPECT_EQ(Bytes(value), std::string(32, 'x'));
  EXPECT_FALSE(ToChainValue(std::string(31, 'x'), &value));
}

}  // namespace
}  // namespace intentlog
