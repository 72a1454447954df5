// A Schema is the set of event types that an application has, with the product's rules for each, as
// read from descriptors. Immutable after it is made; safe to share between threads.
//
//   auto schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
//   auto schema = Schema::FromDescriptorSet(bytes);  // protoc --include_imports
//   --descriptor_set_out const EventType* type = schema->Find("intentlog.commerce.OrderLineAdded");
//   if (auto violation = type->Validate(payload)) return ToStatus(*violation);
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/schema/rule_book.h"
#include "eventlog/schema/validator.h"
#include "eventlog/schema/violation.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"
#include "proto/rules.pb.h"

namespace intentlog {

// One type of event. Lives in its Schema, which must outlive all that comes from it.
class EventType {
 public:
  // REQUIRES: the book has event rules for the prototype's type. Use a Schema.
  EventType(const RuleBook& book, const Validator& validator,
            const google::protobuf::Message& prototype);
  EventType(const EventType&) = delete;
  EventType& operator=(const EventType&) = delete;

  const std::string& name() const { return name_; }  // full message name
  const std::string& entity_type() const { return rules_.entity(); }
  const EventRules& rules() const { return rules_; }
  uint32_t schema_version() const {
    return rules_.schema_version() == 0 ? 1 : rules_.schema_version();
  }
  const google::protobuf::Descriptor* descriptor() const { return prototype_->GetDescriptor(); }
  // The rules of the field with that number; null if it has none.
  const FieldRules* field_rules(int number) const;

  // A new, empty payload.
  std::unique_ptr<google::protobuf::Message> NewPayload() const {
    return std::unique_ptr<google::protobuf::Message>(prototype_->New());
  }
  // The entity's id in `payload`, which is of this type (strings as they are, integers in decimal).
  std::string EntityId(const google::protobuf::Message& payload) const;
  // Whether that id is `id`; makes no string.
  bool IsAbout(const google::protobuf::Message& payload, std::string_view id) const;
  // The first violated rule, in the order of the fields' declaration; nothing if all hold.
  // REQUIRES: `payload` is of this type, from this schema.
  std::optional<Violation> Validate(const google::protobuf::Message& payload) const;
  // Reads `bytes` into `payload`, which is reused, and validates it. MALFORMED if it does not
  // parse.
  std::optional<Violation> Read(std::string_view bytes, google::protobuf::Message& payload) const;

 private:
  friend class Schema;

  const std::string name_;
  const EventRules rules_;
  const google::protobuf::Message* const prototype_;
  const google::protobuf::FieldDescriptor* const key_field_;
  const Validator* const validator_;
  const bool compiled_;                                  // payloads are of generated code
  std::map<int, FieldRules> field_rules_;                // by number; fields with rules
  std::vector<std::pair<std::string, Rule>> overrides_;  // by full name of the other type
};

class Schema {
 public:
  // Every message with event rules in these generated files, which this binary was built with, and
  // in what they import. CHECK-fails if their rules contradict themselves.
  static std::shared_ptr<const Schema> Compiled(
      std::initializer_list<const google::protobuf::FileDescriptor*> files);
  // From a serialized google.protobuf.FileDescriptorSet. Protobuf's own files and rules.proto may
  // be missing in it. INVALID_ARGUMENT names file, message and field of what is contradictory or
  // unknown.
  static absl::StatusOr<std::shared_ptr<const Schema>> FromDescriptorSet(std::string_view bytes);
  ~Schema();

  // Null if there is no such type. `name` may lack its package where that is unambiguous.
  const EventType* Find(std::string_view name) const;
  // By full name.
  const std::map<std::string, EventType, std::less<>>& types() const { return types_; }

  // What the pair's rule is, whichever came first: an override of either type, otherwise the
  // stricter of the two defaults.
  Rule RuleFor(const EventType& later, const EventType& earlier) const;

  // 32 bytes; equal for equal event types (and what their fields hold), wherever they came from and
  // in whatever files they are declared.
  const std::string& digest() const { return digest_; }
  // A serialized google.protobuf.FileDescriptorSet that gives this schema again.
  std::string DescriptorSet() const;

 private:
  struct Dynamic;  // pool and factory of a schema that was not compiled in
  explicit Schema(std::unique_ptr<Dynamic> dynamic);

  absl::Status Load(const std::vector<const google::protobuf::FileDescriptor*>& files,
                    google::protobuf::MessageFactory& factory);
  void AddShortName(const EventType& type);
  absl::Status ResolveOverrides(EventType& type) const;
  absl::Status CheckOverrides(const EventType& type) const;

  const std::unique_ptr<Dynamic> dynamic_;  // first: all else points into it
  std::vector<const google::protobuf::FileDescriptor*> files_;
  std::unique_ptr<const ValidatorSet> validators_;
  std::map<std::string, EventType, std::less<>> types_;               // by full name
  std::map<std::string, const EventType*, std::less<>> short_names_;  // null: ambiguous
  std::string digest_;
};

// The stricter of two rules: FIRST_WRITER_WINS > REVIEW > SAME_IS_DUPLICATE > FIELDWISE >
// LAST_WRITER_WINS > COMMUTES. RULE_UNSPECIFIED counts as REVIEW.
Rule Stricter(Rule a, Rule b);

}  // namespace intentlog
