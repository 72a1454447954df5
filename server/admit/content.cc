// What is hashed, numbers little-endian, lengths and counts 4 bytes:
//
//   content   type name · NUL · message
//   message   for each field that is set and not volatile, by number: number (4) · value,
//             or count · values; at last, if there are unknown fields: 0 (4) · length · their bytes
//   value     integers, booleans, enums, the bits of floating point: 8 bytes
//             strings, bytes, messages: length · bytes
//             maps: as repeated messages, each its key's value and its value's, in ascending order
//   key       type name · NUL · for each field: 1 · value, or 0 if it is not set
//   batch     the contents, 8 bytes each
#include "server/admit/content.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace intentlog {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kSingle = -1;  // the index of what is not repeated

uint64_t HashOf(std::string_view bytes) {
  const uint64_t hash = XXH3_64bits(bytes.data(), bytes.size());
  return hash == 0 ? 1 : hash;
}

template <class T>
uint64_t Bits(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  return bits;
}

class Writer {
 public:
  explicit Writer(const EventType& type) : type_(type) {
    bytes_ = type.name();
    bytes_.push_back('\0');
  }

  std::string& bytes() { return bytes_; }

  void AddMessage(const Message& message) {
    const Reflection* const reflection = message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(message, &fields);  // by number
    for (const FieldDescriptor* field : fields) {
      if (type_.IsVolatile(field)) continue;
      AppendLittle32(bytes_, static_cast<uint32_t>(field->number()));
      if (!field->is_repeated()) {
        AddValue(message, field, kSingle);
      } else if (field->is_map()) {
        AddMap(message, field);
      } else {
        const int size = reflection->FieldSize(message, field);
        AppendLittle32(bytes_, static_cast<uint32_t>(size));
        for (int i = 0; i < size; ++i) AddValue(message, field, i);
      }
    }
    const auto& unknown = reflection->GetUnknownFields(message);
    if (unknown.empty()) return;
    AppendLittle32(bytes_, 0);
    std::string bytes;
    INTENTLOG_CHECK(unknown.SerializeToString(&bytes));
    AddText(bytes);
  }

  // The value of a single field (kSingle), or an element of a repeated one.
  void AddValue(const Message& message, const FieldDescriptor* field, int i) {
    const Reflection* const from = message.GetReflection();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      std::string scratch;
      AddText(i == kSingle ? from->GetStringReference(message, field, &scratch)
                           : from->GetRepeatedStringReference(message, field, i, &scratch));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AddInside(i == kSingle ? from->GetMessage(message, field)
                             : from->GetRepeatedMessage(message, field, i));
    } else {
      AppendLittle64(
          bytes_, i == kSingle ? Single(*from, message, field) : Element(*from, message, field, i));
    }
  }

 private:
  static uint64_t Single(const Reflection& from, const Message& message,
                         const FieldDescriptor* field) {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return static_cast<uint64_t>(int64_t{from.GetInt32(message, field)});
      case FieldDescriptor::CPPTYPE_INT64:
        return static_cast<uint64_t>(from.GetInt64(message, field));
      case FieldDescriptor::CPPTYPE_UINT32:
        return from.GetUInt32(message, field);
      case FieldDescriptor::CPPTYPE_UINT64:
        return from.GetUInt64(message, field);
      case FieldDescriptor::CPPTYPE_BOOL:
        return from.GetBool(message, field) ? 1 : 0;
      case FieldDescriptor::CPPTYPE_ENUM:
        return static_cast<uint64_t>(int64_t{from.GetEnumValue(message, field)});
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Bits(from.GetFloat(message, field));
      default:
        return Bits(from.GetDouble(message, field));
    }
  }

  static uint64_t Element(const Reflection& from, const Message& message,
                          const FieldDescriptor* field, int i) {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return static_cast<uint64_t>(int64_t{from.GetRepeatedInt32(message, field, i)});
      case FieldDescriptor::CPPTYPE_INT64:
        return static_cast<uint64_t>(from.GetRepeatedInt64(message, field, i));
      case FieldDescriptor::CPPTYPE_UINT32:
        return from.GetRepeatedUInt32(message, field, i);
      case FieldDescriptor::CPPTYPE_UINT64:
        return from.GetRepeatedUInt64(message, field, i);
      case FieldDescriptor::CPPTYPE_BOOL:
        return from.GetRepeatedBool(message, field, i) ? 1 : 0;
      case FieldDescriptor::CPPTYPE_ENUM:
        return static_cast<uint64_t>(int64_t{from.GetRepeatedEnumValue(message, field, i)});
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Bits(from.GetRepeatedFloat(message, field, i));
      default:
        return Bits(from.GetRepeatedDouble(message, field, i));
    }
  }

  void AddText(std::string_view text) {
    AppendLittle32(bytes_, static_cast<uint32_t>(text.size()));
    bytes_.append(text);
  }

  void AddInside(const Message& message) {
    const size_t at = OpenLength();
    AddMessage(message);
    CloseLength(at);
  }

  void AddMap(const Message& message, const FieldDescriptor* field) {
    const int size = message.GetReflection()->FieldSize(message, field);
    AppendLittle32(bytes_, static_cast<uint32_t>(size));
    const size_t begin = bytes_.size();
    std::vector<std::string> entries;
    for (int i = 0; i < size; ++i) {
      const Message& entry = message.GetReflection()->GetRepeatedMessage(message, field, i);
      const size_t at = OpenLength();
      AddValue(entry, field->message_type()->map_key(), kSingle);
      AddValue(entry, field->message_type()->map_value(), kSingle);
      CloseLength(at);
      entries.push_back(bytes_.substr(at));
      bytes_.resize(begin);
    }
    std::sort(entries.begin(), entries.end());
    for (const std::string& entry : entries) bytes_.append(entry);
  }

  size_t OpenLength() {
    AppendLittle32(bytes_, 0);
    return bytes_.size() - sizeof(uint32_t);
  }
  void CloseLength(size_t at) {
    StoreLittle(bytes_.data() + at, static_cast<uint32_t>(bytes_.size() - at - sizeof(uint32_t)));
  }

  const EventType& type_;
  std::string bytes_;
};

}  // namespace

uint64_t ContentHash(const EventType& type, const Message& payload) {
  Writer writer(type);
  writer.AddMessage(payload);
  return HashOf(writer.bytes());
}

uint64_t BatchContent(absl::Span<const uint64_t> contents) {
  INTENTLOG_CHECK(!contents.empty());
  if (contents.size() == 1) return contents[0];
  std::string bytes;
  for (const uint64_t content : contents) AppendLittle64(bytes, content);
  return HashOf(bytes);
}

std::optional<uint64_t> DuplicateKeyHash(const EventType& type, const Message& payload) {
  if (type.duplicate_key().empty()) return std::nullopt;
  Writer writer(type);
  bool any = false;
  for (const FieldDescriptor* field : type.duplicate_key()) {
    const bool set = payload.GetReflection()->HasField(payload, field);
    writer.bytes().push_back(set ? '\1' : '\0');
    if (set) writer.AddValue(payload, field, kSingle);
    any = any || set;
  }
  if (!any) return std::nullopt;
  return HashOf(writer.bytes());
}

}  // namespace intentlog
