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
  explicit WireFields(std::string_view bytes) : rest_(bytes) {}
  // False at the end, or where the bytes are no message.
  bool Next();
  bool ok() const { return ok_; }
  uint32_t number() const { return number_; }
  bool is_bytes() const { return wire_type_ == 2; }
  bool is_varint() const { return wire_type_ == 0; }
  uint64_t varint() const { return varint_; }        // of a varint field
  std::string_view bytes() const { return bytes_; }  // of a length-delimited field

 private:
  bool Varint(uint64_t* value);
  bool Skip(uint64_t size);

  std::string_view rest_;
  std::string_view bytes_;
  uint64_t varint_ = 0;
  uint32_t number_ = 0;
  uint32_t wire_type_ = 0;
  bool ok_ = true;
};

}  // namespace intentlog
