// Sixteen-byte names. An Id is a value; ids of different kinds do not convert into each other.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/random.h"

namespace intentlog {

template <class Tag>
class Id {
 public:
  static constexpr size_t kSize = 16;

  constexpr Id() = default;
  // REQUIRES: bytes.size() == kSize; else the result is nil. Use ParseId for input.
  static Id FromBytes(std::string_view bytes) {
    Id id;
    if (bytes.size() == kSize) bytes.copy(id.bytes_.data(), kSize);
    return id;
  }
  std::string_view bytes() const { return std::string_view(bytes_.data(), kSize); }
  bool nil() const { return *this == Id(); }

  friend bool operator==(const Id&, const Id&) = default;
  // By unsigned bytes, as the store orders keys and as time orders ids of version 7.
  friend std::strong_ordering operator<=>(const Id& a, const Id& b) {
    return a.bytes() <=> b.bytes();
  }

 private:
  std::array<char, kSize> bytes_ = {};
};

using IntentId = Id<struct IntentIdTag>;      // UUIDv7
using LogId = Id<struct LogIdTag>;            // random
using EpochId = Id<struct EpochIdTag>;        // random
using InstanceId = Id<struct InstanceIdTag>;  // random, one per process start

// 8-4-4-4-12 hexadecimal, lower case.
std::string UuidText(std::string_view bytes);
template <class Tag>
std::string ToText(const Id<Tag>& id) {
  return UuidText(id.bytes());
}
// From that text. INVALID_ARGUMENT with the text if it is none.
absl::StatusOr<IntentId> ParseIntentId(std::string_view text);

// RFC 9562 version 7: 48 bits of milliseconds, then a counter that keeps ids of one maker in order
// within a millisecond and when the clock steps back, then random bits. Not thread-safe.
class IntentIdMaker {
 public:
  IntentIdMaker(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  IntentId Make();

 private:
  const Clock& clock_;
  Random& random_;
  int64_t last_ms_ = 0;
  uint32_t sequence_ = 0;
};

template <class Tag>
Id<Tag> RandomId(Random& random) {
  return Id<Tag>::FromBytes(random.Bytes(Id<Tag>::kSize));
}

}  // namespace intentlog

template <class Tag>
struct std::hash<intentlog::Id<Tag>> {
  size_t operator()(const intentlog::Id<Tag>& id) const {
    return std::hash<std::string_view>()(id.bytes());
  }
};
