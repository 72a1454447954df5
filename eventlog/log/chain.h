// The chain: c(p) = SHA-256(c(p-1), header length, header, intent length, intent), lengths as 4
// bytes little-endian, c(0) = 32 zero bytes. A changed, missing or reordered event changes every
// value after it. The same function over intents alone is a device log's rolling hash.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace intentlog {

using ChainValue = std::array<uint8_t, 32>;

ChainValue NextChain(const ChainValue& before, std::string_view header, std::string_view intent);

// h(n) = SHA-256(h(n-1), intent length, intent); h(0) = zeros. Names the whole device log up to n.
ChainValue NextLogHash(const ChainValue& before, std::string_view intent);

inline std::string_view Bytes(const ChainValue& value) {
  return std::string_view(reinterpret_cast<const char*>(value.data()), value.size());
}
// Zeros if `bytes` is empty; false if it is neither empty nor 32 bytes.
bool ToChainValue(std::string_view bytes, ChainValue* value);

}  // namespace intentlog
