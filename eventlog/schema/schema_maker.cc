#include "eventlog/schema/schema_maker.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/text_format.h"
#include "proto/rules.pb.h"

namespace intentlog {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::TextFormat;

// Takes `word` and a blank from the front of `text`, if it begins so.
bool Take(std::string_view word, std::string_view& text) {
  if (text.substr(0, word.size()) != word || text.substr(word.size(), 1) != " ") return false;
  text.remove_prefix(word.size() + 1);
  return true;
}

// "sint64" → TYPE_SINT64, ".forms.Answer" → a message, "enum .forms.Verdict" → an enum.
void SetType(std::string_view type, FieldDescriptorProto& field) {
  if (Take("enum", type)) {
    field.set_type(FieldDescriptorProto::TYPE_ENUM);
    field.set_type_name(std::string(type));
    return;
  }
  if (type.substr(0, 1) == ".") {
    field.set_type(FieldDescriptorProto::TYPE_MESSAGE);
    field.set_type_name(std::string(type));
    return;
  }
  std::string name = "TYPE_";
  for (const char c : type) name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  FieldDescriptorProto::Type parsed;
  INTENTLOG_CHECK(FieldDescriptorProto::Type_Parse(name, &parsed));
  field.set_type(parsed);
}

void AddField(const SchemaMaker::Field& from, DescriptorProto& message) {
  FieldDescriptorProto& field = *message.add_field();
  field.set_name(from.name);
  field.set_number(from.number);
  std::string_view type = from.type;
  field.set_label(Take("repeated", type) ? FieldDescriptorProto::LABEL_REPEATED
                                         : FieldDescriptorProto::LABEL_OPTIONAL);
  if (Take("optional", type)) {  // what protoc makes of it: a oneof of one
    field.set_proto3_optional(true);
    field.set_oneof_index(message.oneof_decl_size());
    message.add_oneof_decl()->set_name(Cat("_", from.name));
  }
  SetType(type, field);
  if (from.rules.empty()) return;
  FieldRules* const rules = field.mutable_options()->MutableExtension(intentlog::field);
  INTENTLOG_CHECK(TextFormat::ParseFromString(from.rules, rules));
}

}  // namespace

SchemaMaker::SchemaMaker(std::string_view file, std::string_view package) {
  google::protobuf::FileDescriptorProto& proto = *set_.add_file();
  proto.set_name(std::string(file));
  proto.set_package(std::string(package));
  proto.set_syntax("proto3");
  proto.add_dependency(EventRules::descriptor()->file()->name());
}

DescriptorProto& SchemaMaker::AddMessage(std::string_view name, const std::vector<Field>& fields) {
  DescriptorProto& message = *file().add_message_type();
  message.set_name(std::string(name));
  for (const Field& field : fields) AddField(field, message);
  return message;
}

void SchemaMaker::Message(std::string_view name, const std::vector<Field>& fields) {
  AddMessage(name, fields);
}

void SchemaMaker::Event(std::string_view name, std::string_view rules,
                        const std::vector<Field>& fields) {
  DescriptorProto& message = AddMessage(name, fields);
  EventRules* const parsed = message.mutable_options()->MutableExtension(intentlog::event);
  INTENTLOG_CHECK(TextFormat::ParseFromString(std::string(rules), parsed));
}

void SchemaMaker::Enum(std::string_view name, const std::vector<std::string>& values) {
  google::protobuf::EnumDescriptorProto& made = *file().add_enum_type();
  made.set_name(std::string(name));
  for (const std::string& value : values) {
    google::protobuf::EnumValueDescriptorProto& added = *made.add_value();
    added.set_number(made.value_size() - 1);
    added.set_name(value);
  }
}

}  // namespace intentlog
