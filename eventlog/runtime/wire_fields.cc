#include "eventlog/runtime/wire_fields.h"

namespace intentlog {

bool WireFields::Varint(uint64_t* value) {
  *value = 0;
  for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>(rest_[i]);
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest_.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool WireFields::Skip(uint64_t size) {
  if (size > rest_.size()) return false;
  rest_.remove_prefix(size);
  return true;
}

bool WireFields::Next() {
  if (!ok_ || rest_.empty()) return false;
  uint64_t tag = 0;
  ok_ = Varint(&tag) && tag <= UINT32_MAX && tag >= 8;
  if (!ok_) return false;
  number_ = static_cast<uint32_t>(tag >> 3);
  wire_type_ = tag & 7;
  switch (wire_type_) {
    case 0:
      ok_ = Varint(&varint_);
      break;
    case 1:
      ok_ = Skip(8);
      break;
    case 2: {
      uint64_t size = 0;
      ok_ = Varint(&size) && size <= rest_.size();
      if (!ok_) break;
      bytes_ = rest_.substr(0, size);
      ok_ = Skip(size);
      break;
    }
    case 5:
      ok_ = Skip(4);
      break;
    default:  // groups are not written by proto3
      ok_ = false;
  }
  return ok_;
}

}  // namespace intentlog
