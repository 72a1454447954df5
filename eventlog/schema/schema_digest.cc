// What is hashed, for each message and enum type in ascending byte order of full names:
//
//   full name, NUL, syntax, NUL, size in decimal, NUL, DescriptorProto or EnumDescriptorProto
//
// The proto lacks nested types (each has its own entry) and json names (they follow from names),
// and is serialized by generated code, so that options have one form.
#include "eventlog/schema/schema_digest.h"

#include <openssl/sha.h>

#include <map>
#include <unordered_set>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string Deterministic(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    INTENTLOG_CHECK(message.SerializePartialToCodedStream(&coded));
  }
  return bytes;
}

// Parsed and serialized once more, so that options that were unknown fields of a pool made at run
// time come out as those of a generated one.
template <class Proto>
std::string Canonical(const Proto& proto) {
  Proto read;
  INTENTLOG_CHECK(read.ParsePartialFromString(proto.SerializePartialAsString()));
  return Deterministic(read);
}

template <class Type>
std::string Entry(const Type& type, const std::string& proto) {
  return Cat(type.full_name(), '\0', type.file()->SyntaxName(type.file()->syntax()), '\0',
             proto.size(), '\0', proto);
}

std::string EntryOf(const EnumDescriptor& type) {
  EnumDescriptorProto proto;
  type.CopyTo(&proto);
  return Entry(type, Canonical(proto));
}

std::string EntryOf(const Descriptor& type) {
  DescriptorProto proto;
  type.CopyTo(&proto);
  proto.clear_nested_type();
  proto.clear_enum_type();
  proto.clear_extension();
  return Entry(type, Canonical(proto));
}

}  // namespace

std::string SchemaDigest(const std::vector<const Descriptor*>& messages) {
  std::map<std::string, std::string> entries;
  std::unordered_set<const Descriptor*> seen(messages.begin(), messages.end());
  std::vector<const Descriptor*> waiting(seen.begin(), seen.end());
  while (!waiting.empty()) {
    const Descriptor* const message = waiting.back();
    waiting.pop_back();
    entries.emplace(message->full_name(), EntryOf(*message));
    for (int i = 0; i < message->field_count(); ++i) {
      const FieldDescriptor* const field = message->field(i);
      const EnumDescriptor* const values = field->enum_type();
      if (values != nullptr && entries.count(values->full_name()) == 0) {
        entries.emplace(values->full_name(), EntryOf(*values));
      }
      const Descriptor* const inside = field->message_type();
      if (inside != nullptr && seen.insert(inside).second) waiting.push_back(inside);
    }
  }
  std::string all;
  for (const auto& [name, entry] : entries) all += entry;
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

}  // namespace intentlog
