#include "eventlog/runtime/wire_fields.h"

namespace intentlog {

bool WireFields::LongVarint(uint64_t* value) {
  constexpr int kBytesMax = 10;
  *value = 0;
  for (int i = 0; i < kBytesMax && at_ != end_; ++i) {
    const auto byte = static_cast<uint8_t>(*at_++);
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return true;
  }
  return Fail();
}

// Passes a number of fixed size. Groups are not written by proto3.
bool WireFields::Skip() {
  constexpr uint32_t kFixed64 = 1;
  constexpr uint32_t kFixed32 = 5;
  const uint64_t size = wire_type_ == kFixed64 ? 8 : 4;
  if (wire_type_ != kFixed64 && wire_type_ != kFixed32) return Fail();
  if (size > static_cast<uint64_t>(end_ - at_)) return Fail();
  at_ += size;
  return true;
}

}  // namespace intentlog
