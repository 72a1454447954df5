// A Schema is the set of event types that an application has, with the product's rules for each, as
// read from descriptors. Immutable after it is made; safe to share between threads.
//
//   auto schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
//   auto schema = Schema::FromDescriptorSet(bytes);         // protoc --descriptor_set_out
//   const EventType* type = schema->Find("intentlog.commerce.OrderLineAdded");
//   RETURN_IF_ERROR(type->Validate(payload));
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"
#include "proto/rules.pb.h"

namespace intentlog {

// A violated field rule, or a payload that does not parse.
struct Violation {
  Reason::Code code = Reason::CODE_UNSPECIFIED;
  std::string field;
  std::string text;  // one sentence that names field, limit and value
};

class EventType {
 public:
  const std::string& name() const { return name_; }  // full message name
  const std::string& entity_type() const { return rules_.entity(); }
  const EventRules& rules() const { return rules_; }
  uint32_t schema_version() const {
    return rules_.schema_version() == 0 ? 1 : rules_.schema_version();
  }
  const google::protobuf::Descriptor* descriptor() const { return prototype_->GetDescriptor(); }

  // A new, empty payload. The Schema must outlive it.
  std::unique_ptr<google::protobuf::Message> NewPayload() const {
    return std::unique_ptr<google::protobuf::Message>(prototype_->New());
  }
  // The entity's id in `payload`, which is of this type (strings as they are, integers in decimal).
  std::string EntityId(const google::protobuf::Message& payload) const;
  // The first violated rule, in field order; nothing if all hold.
  std::optional<Violation> Validate(const google::protobuf::Message& payload) const;

 private:
  friend class Schema;
  std::string name_;
  EventRules rules_;
  const google::protobuf::Message* prototype_ = nullptr;
  const google::protobuf::FieldDescriptor* key_field_ = nullptr;
  std::vector<const google::protobuf::FieldDescriptor*> checked_;  // fields that have rules
};

class Schema {
 public:
  // Every message with event rules in these generated files, which this binary was built with.
  // CHECK-fails if their rules contradict themselves.
  static std::shared_ptr<const Schema> Compiled(
      std::initializer_list<const google::protobuf::FileDescriptor*> files);
  // From a serialized google.protobuf.FileDescriptorSet.
  // INVALID_ARGUMENT names file, message and field of what is contradictory or unknown.
  static absl::StatusOr<std::shared_ptr<const Schema>> FromDescriptorSet(std::string_view bytes);

  // Null if there is no such type. `name` may lack its package where that is unambiguous.
  const EventType* Find(std::string_view name) const;
  const std::map<std::string, EventType, std::less<>>& types() const { return types_; }

  // What the pair's rule is, whichever came first: an override of either type, otherwise the
  // stricter of the two defaults.
  Rule RuleFor(const EventType& later, const EventType& earlier) const;

  // 32 bytes; equal for equal sets of descriptors.
  const std::string& digest() const { return digest_; }

  ~Schema();

 private:
  struct Dynamic;  // pool and factory of a schema that was not compiled in
  Schema();
  absl::Status AddType(const google::protobuf::Descriptor* descriptor,
                       const google::protobuf::Message* prototype);
  absl::Status CheckRules() const;

  std::map<std::string, EventType, std::less<>> types_;
  std::string digest_;
  std::unique_ptr<Dynamic> dynamic_;
};

// The stricter of two rules: FIRST_WRITER_WINS > REVIEW > SAME_IS_DUPLICATE > FIELDWISE >
// LAST_WRITER_WINS > COMMUTES. RULE_UNSPECIFIED counts as REVIEW.
Rule Stricter(Rule a, Rule b);

}  // namespace intentlog
