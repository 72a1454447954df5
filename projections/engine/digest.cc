// One row's hash:  XXH3-128( key length, 4 bytes big-endian · key · value )
#include "projections/engine/digest.h"

#include <cstring>
#include <memory>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace intentlog {
namespace {

constexpr size_t kLengthBytes = 4;

XXH128_hash_t HashInto(char* buffer, std::string_view key, std::string_view value) {
  for (size_t i = 0; i < kLengthBytes; ++i) {
    buffer[i] = static_cast<char>(key.size() >> (8 * (kLengthBytes - 1 - i)));
  }
  if (!key.empty()) std::memcpy(buffer + kLengthBytes, key.data(), key.size());
  if (!value.empty()) std::memcpy(buffer + kLengthBytes + key.size(), value.data(), value.size());
  return XXH3_128bits(buffer, kLengthBytes + key.size() + value.size());
}

XXH128_hash_t Hash(std::string_view key, std::string_view value) {
  const size_t size = kLengthBytes + key.size() + value.size();
  char small[512];
  if (size <= sizeof(small)) return HashInto(small, key, value);
  const std::unique_ptr<char[]> large(new char[size]);
  return HashInto(large.get(), key, value);
}

}  // namespace

Digest128 Digest128::Of(std::string_view key, std::string_view value) {
  const XXH128_hash_t hash = Hash(key, value);
  Digest128 digest;
  digest.low_ = hash.low64;
  digest.high_ = hash.high64;
  return digest;
}

void Digest128::Add(const Digest128& other) {
  low_ += other.low_;
  high_ += other.high_ + (low_ < other.low_ ? 1 : 0);
}

void Digest128::Remove(const Digest128& other) {
  high_ -= other.high_ + (low_ < other.low_ ? 1 : 0);
  low_ -= other.low_;
}

std::string Digest128::Bytes() const {
  std::string bytes(16, '\0');
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(high_ >> (8 * (7 - i)));
    bytes[8 + i] = static_cast<char>(low_ >> (8 * (7 - i)));
  }
  return bytes;
}

bool Digest128::FromBytes(std::string_view bytes, Digest128* digest) {
  *digest = Digest128();
  if (bytes.empty()) return true;
  if (bytes.size() != 16) return false;
  for (size_t i = 0; i < 8; ++i) {
    digest->high_ = digest->high_ << 8 | static_cast<uint8_t>(bytes[i]);
    digest->low_ = digest->low_ << 8 | static_cast<uint8_t>(bytes[8 + i]);
  }
  return true;
}

}  // namespace intentlog
