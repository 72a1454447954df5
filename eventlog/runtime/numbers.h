// Numbers with a meaning: each is a type of its own, and none converts into another.
//
//   Count    place of an intent in its device log: 1, 2, 3 …
//   Position place of an event in its tenant's log: 1, 2, 3 … without holes
//   Version  how many effective events an entity has had
//   Term     grows at each take-over of a tenant's sequencer
//
// 0 means "before the first" everywhere. Values; safe to copy and share.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace intentlog {

template <class Tag>
class Number {
 public:
  constexpr Number() = default;
  constexpr explicit Number(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr Number Next() const { return Number(value_ + 1); }
  constexpr Number Plus(uint64_t steps) const { return Number(value_ + steps); }
  // Steps from `earlier` to this one. REQUIRES: earlier <= *this.
  constexpr uint64_t Since(Number earlier) const { return value_ - earlier.value_; }

  friend constexpr auto operator<=>(Number, Number) = default;

 private:
  uint64_t value_ = 0;
};

using Count = Number<struct CountTag>;
using Position = Number<struct PositionTag>;
using Version = Number<struct VersionTag>;
using Term = Number<struct TermTag>;

}  // namespace intentlog

template <class Tag>
struct std::hash<intentlog::Number<Tag>> {
  size_t operator()(intentlog::Number<Tag> number) const {
    return std::hash<uint64_t>()(number.value());
  }
};
