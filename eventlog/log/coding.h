// Numbers as bytes: little-endian inside blocks, big-endian inside keys, so that keys sort by
// number.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace intentlog {

static_assert(std::endian::native == std::endian::little, "swap bytes in the four functions below");

inline uint32_t LoadLittle32(const char* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
inline uint64_t LoadLittle64(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
template <class T>
inline void StoreLittle(char* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}
inline void AppendLittle32(std::string& out, uint32_t value) {
  char bytes[4];
  StoreLittle(bytes, value);
  out.append(bytes, sizeof(bytes));
}
inline void AppendLittle64(std::string& out, uint64_t value) {
  char bytes[8];
  StoreLittle(bytes, value);
  out.append(bytes, sizeof(bytes));
}

inline void AppendBig64(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}
// REQUIRES: bytes.size() >= 8.
inline uint64_t LoadBig64(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}
// The number in the last eight bytes of a key. REQUIRES: key.size() >= 8.
inline uint64_t LastBig64(std::string_view key) { return LoadBig64(key.substr(key.size() - 8)); }

}  // namespace intentlog
