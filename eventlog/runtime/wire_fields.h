// A serialized protobuf message field by field, in place: for frames whose bytes are large and
// whose meaning lies in few fields. Nothing is copied; never reads outside the bytes, whatever they
// hold.
#pragma once

#include <cstdint>
#include <string_view>

namespace intentlog {

// The fields of a serialized message one after another, without parsing it.
//
//   WireFields fields(bytes);
//   while (fields.Next()) if (fields.number() == 4) Use(fields.bytes());
//   if (!fields.ok()) …
class WireFields {
 public:
  explicit WireFields(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}
  // False at the end, or where the bytes are no message.
  bool Next() {
    uint64_t tag = 0;
    if (at_ == end_ || !Varint(&tag)) return false;
    number_ = static_cast<uint32_t>(tag >> 3);
    wire_type_ = tag & 7;
    if (tag > UINT32_MAX || number_ == 0) return Fail();
    if (wire_type_ == kVarint) return Varint(&varint_);
    return wire_type_ == kBytes ? Bytes() : Skip();
  }
  bool ok() const { return ok_; }
  uint32_t number() const { return number_; }
  bool is_bytes() const { return wire_type_ == kBytes; }
  bool is_varint() const { return wire_type_ == kVarint; }
  uint64_t varint() const { return varint_; }        // of a varint field
  std::string_view bytes() const { return bytes_; }  // of a length-delimited field

 private:
  static constexpr uint32_t kVarint = 0;
  static constexpr uint32_t kBytes = 2;

  // Most are of one byte. After a failure nothing is left to read.
  bool Varint(uint64_t* value) {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]] {
      *value = static_cast<uint8_t>(*at_++);
      return true;
    }
    return LongVarint(value);
  }
  bool LongVarint(uint64_t* value);
  bool Bytes() {
    uint64_t size = 0;
    if (!Varint(&size)) return false;
    if (size > static_cast<uint64_t>(end_ - at_)) return Fail();
    bytes_ = std::string_view(at_, size);
    at_ += size;
    return true;
  }
  bool Skip();
  bool Fail() {
    at_ = end_;
    ok_ = false;
    return false;
  }

  const char* at_;
  const char* end_;
  std::string_view bytes_;
  uint64_t varint_ = 0;
  uint32_t number_ = 0;
  uint32_t wire_type_ = 0;
  bool ok_ = true;
};

}  // namespace intentlog
