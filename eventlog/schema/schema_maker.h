// A SchemaMaker writes descriptor sets for tests, without a compiler: an application's schema as it
// arrives from outside, sound or not.
//
//   SchemaMaker maker("forms.proto", "forms");
//   maker.Event("FormOpened", R"(entity: "form" key: "form_id" concurrent: REVIEW)",
//               {{"form_id", 1, "string", "required: true"}, {"notes", 2, "repeated string"}});
//   auto schema = Schema::FromDescriptorSet(maker.Bytes());
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/descriptor.pb.h"

namespace intentlog {

class SchemaMaker {
 public:
  struct Field {
    std::string name;
    int number;
    std::string type;   // "sint64", "optional bool", "repeated string", ".forms.Answer"
    std::string rules;  // FieldRules as text
  };

  SchemaMaker(std::string_view file, std::string_view package);

  // A message with event rules. CHECK-fails if the rules' text does not parse.
  void Event(std::string_view name, std::string_view rules, const std::vector<Field>& fields);
  void Message(std::string_view name, const std::vector<Field>& fields);
  // An enum whose values are 0, 1, 2 …
  void Enum(std::string_view name, const std::vector<std::string>& values);

  // For what the above does not offer.
  google::protobuf::FileDescriptorProto& file() { return *set_.mutable_file(0); }
  google::protobuf::FileDescriptorSet& set() { return set_; }

  std::string Bytes() const { return set_.SerializeAsString(); }

 private:
  google::protobuf::DescriptorProto& AddMessage(std::string_view name,
                                                const std::vector<Field>& fields);

  google::protobuf::FileDescriptorSet set_;
};

}  // namespace intentlog
