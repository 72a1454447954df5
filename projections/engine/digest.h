// A Digest tells whether two read models are equal: the sum, modulo 2^128, of a 128-bit hash (XXH3) of
// every (key, value). Each change of a row adjusts it, so it is always there. It finds errors, not
// forgery. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace intentlog {

class Digest128 {
 public:
  void Add(std::string_view key, std::string_view value);
  void Remove(std::string_view key, std::string_view value);

  std::string Bytes() const;  // 16 bytes, big-endian
  static bool FromBytes(std::string_view bytes, Digest128* digest);  // empty: zero
  friend bool operator==(const Digest128&, const Digest128&) = default;

 private:
  uint64_t high_ = 0;
  uint64_t low_ = 0;
};

}  // namespace intentlog
