// A Digest128 tells whether two read models are equal: the sum, modulo 2^128, of a 128-bit hash
// (XXH3) of every (key, value). Each change of a row adjusts it, so it is always there, and the
// order of changes does not matter. It finds errors, not forgery. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace intentlog {

class Digest128 {
 public:
  // The digest of one row.
  static Digest128 Of(std::string_view key, std::string_view value);

  void Add(std::string_view key, std::string_view value) { Add(Of(key, value)); }
  // Takes back an Add of the same key and value.
  void Remove(std::string_view key, std::string_view value) { Remove(Of(key, value)); }
  void Add(const Digest128& other);
  void Remove(const Digest128& other);

  std::string Bytes() const;  // 16 bytes, big-endian
  // False unless `bytes` are 16, or none (a digest of no rows).
  static bool FromBytes(std::string_view bytes, Digest128* digest);
  friend bool operator==(const Digest128&, const Digest128&) = default;

 private:
  uint64_t high_ = 0;
  uint64_t low_ = 0;
};

}  // namespace intentlog
