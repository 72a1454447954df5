// A Validator checks payloads against the field rules of one message type and of the messages
// inside it. It looks at nothing but fields that have rules. Immutable; safe to share. The
// descriptors must outlive it.
//
// Required means: set, and not empty or zero; for `optional bool`, set. min and max hold for every
// integer that is present (one without `optional` always is), in repeated fields for each element.
// max_len counts bytes of strings and elements of repeated fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "eventlog/schema/rule_book.h"
#include "eventlog/schema/violation.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace intentlog {

class Validator {
 public:
  // The first violated rule, in the order of the fields' declaration; nothing if all hold.
  // `parsed_from`: the size of the bytes that the message was parsed from, if it was: no text in it
  // is longer, so most lengths need not be looked at. REQUIRES: `message` is of this validator's
  // type.
  std::optional<Violation> Validate(const google::protobuf::Message& message,
                                    size_t parsed_from = SIZE_MAX) const;

 private:
  friend class ValidatorSet;
  struct Check {
    const google::protobuf::FieldDescriptor* field;
    bool text;  // a single string or bytes
    bool required;
    bool presence;  // can be absent: then nothing but `required` is asked
    std::optional<int64_t> min;
    std::optional<int64_t> max;
    uint32_t max_len;         // 0: no limit
    const Validator* inside;  // of a message field; null if nothing in there has rules
  };

  std::optional<Violation> ValidateOne(const Check& check,
                                       const google::protobuf::Message& message) const;
  std::optional<Violation> ValidateRepeated(const Check& check,
                                            const google::protobuf::Message& message) const;

  std::vector<Check> checks_;
};

// The validators of all messages in a RuleBook. The key of an event is always required.
class ValidatorSet {
 public:
  explicit ValidatorSet(const RuleBook& book);
  ValidatorSet(const ValidatorSet&) = delete;
  ValidatorSet& operator=(const ValidatorSet&) = delete;

  // One that finds nothing, if no rule applies to the message.
  const Validator& Of(const google::protobuf::Descriptor* message) const;

 private:
  void AddChecks(const RuleBook& book, const google::protobuf::Descriptor* message);

  std::unordered_map<const google::protobuf::Descriptor*, std::unique_ptr<Validator>> validators_;
};

}  // namespace intentlog
