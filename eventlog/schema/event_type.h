// An EventType is one type of event of an application: how its payloads are made, read and checked,
// and the product's rules for it. Lives in its Schema, which must outlive all that comes from it.
// Immutable once the Schema is made; safe to share between threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/schema/former_versions.h"
#include "eventlog/schema/rule_book.h"
#include "eventlog/schema/validator.h"
#include "eventlog/schema/violation.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "proto/rules.pb.h"

namespace intentlog {

// A field that two events can clash in: any but the key.
struct ClashField {
  const google::protobuf::FieldDescriptor* field = nullptr;
  // What it is known by. Members of a oneof exclude each other, so they are one field here: its
  // first member's number, and the oneof's name.
  uint32_t number = 0;
  std::string name;
  Rule on_clash = LAST_WRITER_WINS;  // or FIRST_WRITER_WINS, or REVIEW
};

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
  const google::protobuf::FieldDescriptor* key_field() const { return key_field_; }
  // The rules of the field with that number; null if it has none.
  const FieldRules* field_rules(int number) const;

  // Every field but the key, in the order of numbers.
  const std::vector<ClashField>& clash_fields() const { return clash_fields_; }
  // By what it is known by (`ClashField::number`, `name`); null if there is none. Of a oneof: its
  // first member.
  const ClashField* ClashFieldOf(uint32_t number) const;
  const ClashField* ClashFieldOf(std::string_view name) const;
  // Whether the field, of this type or of a message inside it, is not part of an event's content.
  bool IsVolatile(const google::protobuf::FieldDescriptor* field) const;
  bool has_device_clock() const { return rules_.clock() == DEVICE; }
  int64_t max_skew_us() const { return static_cast<int64_t>(rules_.max_skew_ms()) * 1000; }
  // The fields of the duplicate key, as the rule names them; empty: it has none.
  const std::vector<const google::protobuf::FieldDescriptor*>& duplicate_key() const {
    return duplicate_key_;
  }
  // 0: for good.
  int64_t duplicate_period_us() const {
    return static_cast<int64_t>(rules_.duplicate_key().period_ms()) * 1000;
  }

  // What rules ask about events of this type that are there already, when another one comes.
  bool asks_fields() const { return asks_fields_; }    // which fields it set
  bool asks_content() const { return asks_content_; }  // whether the other one is equal
  bool asks_time() const { return asks_time_; }        // its device time

  // ---- versions of its payloads

  // The first version whose payloads have today's form.
  uint32_t as_is_since() const { return former_below_ == 0 ? 1 : former_below_; }
  // Names that form among all that the type had: equal where fields have the same numbers.
  uint32_t form() const { return former_below_; }
  // Payloads of that version are not read as they are. 0 counts as 1.
  bool IsFormer(uint32_t version) const { return version < former_below_; }
  // Payloads of that version have a form that is not known here.
  bool IsNewer(uint32_t version) const { return version > schema_version(); }
  // A payload of a former version in today's form, less the fields that lost in a former one; as a
  // view into `scratch`. INVALID_ARGUMENT or RESOURCE_EXHAUSTED names the type and the version at
  // which an upcaster failed. REQUIRES: IsFormer(version).
  absl::StatusOr<std::string_view> Upcast(uint32_t version, std::string_view bytes,
                                          const LostFields& lost, std::string& scratch) const;

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
  // Reads `bytes` into `payload`, which is reused, and validates it by the rules of the version
  // that they are of; then it has today's form. MALFORMED if it does not parse or cannot be upcast.
  // REQUIRES: !IsNewer(version).
  std::optional<Violation> Read(uint32_t version, std::string_view bytes,
                                google::protobuf::Message& payload) const;

 private:
  friend class Schema;
  std::optional<Violation> ReadAsIs(std::string_view bytes,
                                    google::protobuf::Message& payload) const;
  friend Rule RuleBetween(const EventType& a, const EventType& b);

  const std::string name_;
  const EventRules rules_;
  const google::protobuf::Message* const prototype_;
  const google::protobuf::FieldDescriptor* const key_field_;
  const Validator* const validator_;
  const bool compiled_;  // payloads are of generated code
  // 0: there is no former version. So that 0, which counts as 1, need not be told apart.
  uint32_t former_below_ = 0;
  FormerVersions former_;
  std::map<int, FieldRules> field_rules_;                        // by number; fields with rules
  std::vector<ClashField> clash_fields_;                         // by number
  std::set<const google::protobuf::FieldDescriptor*> volatile_;  // in messages inside, too
  std::vector<const google::protobuf::FieldDescriptor*> duplicate_key_;
  std::vector<std::pair<std::string, Rule>> overrides_;  // by full name of the other type
  bool asks_fields_ = false;
  bool asks_content_ = false;
  bool asks_time_ = false;
};

// What the pair's rule is, whichever came first: an override of either type, otherwise the stricter
// of the two defaults, where SAME_IS_DUPLICATE is REVIEW for events of two types. REQUIRES: both
// are of one, loaded Schema.
Rule RuleBetween(const EventType& a, const EventType& b);

// What becomes of a field of this name that both set: the stricter of both, REVIEW before
// FIRST_WRITER_WINS before LAST_WRITER_WINS.
Rule OnClash(const ClashField& a, const ClashField& b);

// The stricter of two rules: FIRST_WRITER_WINS > REVIEW > SAME_IS_DUPLICATE > FIELDWISE >
// LAST_WRITER_WINS > COMMUTES. RULE_UNSPECIFIED counts as REVIEW.
Rule Stricter(Rule a, Rule b);

}  // namespace intentlog
