#include "eventlog/schema/validator.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/rule_check.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Violation Required(const std::string& field) {
  return {Reason::FIELD_REQUIRED, field, Cat(field, " is required and is not set")};
}

std::optional<Violation> CheckLength(const std::string& field, size_t length, uint32_t max_len,
                                     std::string_view unit) {
  if (max_len == 0 || length <= max_len) return std::nullopt;
  return Violation{Reason::FIELD_TOO_LONG, field,
                   Cat(field, " has ", length, unit, "; the most allowed is ", max_len)};
}

template <class Integer>
std::optional<Violation> CheckRange(const std::string& field, Integer value,
                                    std::optional<int64_t> min, std::optional<int64_t> max) {
  if (min.has_value() && std::cmp_less(value, *min)) {
    return Violation{Reason::FIELD_TOO_SMALL, field,
                     Cat(field, " is ", value, "; the least allowed is ", *min)};
  }
  if (max.has_value() && std::cmp_greater(value, *max)) {
    return Violation{Reason::FIELD_TOO_LARGE, field,
                     Cat(field, " is ", value, "; the greatest allowed is ", *max)};
  }
  return std::nullopt;
}

// Calls use(value) with the integer in the field, of whatever width.
template <class Use>
auto WithInteger(const Message& message, const FieldDescriptor* field, Use use) {
  const Reflection* const reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return use(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return use(reflection->GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return use(reflection->GetUInt64(message, field));
    default:
      return use(reflection->GetInt64(message, field));
  }
}

template <class Use>
auto WithElement(const Message& message, const FieldDescriptor* field, int i, Use use) {
  const Reflection* const reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return use(reflection->GetRepeatedInt32(message, field, i));
    case FieldDescriptor::CPPTYPE_UINT32:
      return use(reflection->GetRepeatedUInt32(message, field, i));
    case FieldDescriptor::CPPTYPE_UINT64:
      return use(reflection->GetRepeatedUInt64(message, field, i));
    default:
      return use(reflection->GetRepeatedInt64(message, field, i));
  }
}

// Whether a present number, boolean or enum counts as set.
bool IsSet(const Message& message, const FieldDescriptor* field) {
  const Reflection* const reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return true;  // present: "false" is an answer
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection->GetEnumValue(message, field) != 0;
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection->GetFloat(message, field) != 0;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->GetDouble(message, field) != 0;
    default:
      return WithInteger(message, field, [](auto value) { return value != 0; });
  }
}

// What is wrong inside the message in `field`, named from outside.
std::optional<Violation> Prefixed(const std::string& field, std::optional<Violation> inside) {
  if (inside.has_value()) {
    inside->field = Cat(field, '.', inside->field);
    inside->text = Cat(field, '.', inside->text);
  }
  return inside;
}

// Messages that are events, have fields with rules, or hold such a message at any depth.
std::unordered_set<const Descriptor*> WorthLookingInto(const RuleBook& book) {
  std::unordered_map<const Descriptor*, std::vector<const Descriptor*>> holders;
  std::unordered_set<const Descriptor*> worth;
  std::vector<const Descriptor*> waiting;
  for (const Descriptor* message : book.messages()) {
    bool own = book.Find(message) != nullptr;
    for (int i = 0; i < message->field_count(); ++i) {
      const FieldDescriptor* const field = message->field(i);
      own = own || book.Find(field) != nullptr;
      if (field->message_type() != nullptr) holders[field->message_type()].push_back(message);
    }
    if (own && worth.insert(message).second) waiting.push_back(message);
  }
  while (!waiting.empty()) {
    const Descriptor* const message = waiting.back();
    waiting.pop_back();
    for (const Descriptor* holder : holders[message]) {
      if (worth.insert(holder).second) waiting.push_back(holder);
    }
  }
  return worth;
}

}  // namespace

// Nearly all that is ever checked is the length of texts, and nearly all of them are fine: this
// loop makes no Violation unless there is one.
std::optional<Violation> Validator::Validate(const Message& message, size_t serialized_size) const {
  const Reflection* const reflection = message.GetReflection();
  std::string scratch;
  for (const Check& check : checks_) {
    if (check.text) {
      const bool any_length = check.max_len == 0 || check.max_len >= serialized_size;
      if (any_length && !check.required) continue;
      const std::string& value = reflection->GetStringReference(message, check.field, &scratch);
      if ((any_length || value.size() <= check.max_len) && !(check.required && value.empty())) {
        continue;
      }
    }
    auto violation =
        check.field->is_repeated() ? ValidateRepeated(check, message) : ValidateOne(check, message);
    if (violation.has_value()) return violation;
  }
  return std::nullopt;
}

std::optional<Violation> Validator::ValidateOne(const Check& check, const Message& message) const {
  const Reflection* const reflection = message.GetReflection();
  const FieldDescriptor* const field = check.field;
  if (check.presence && !reflection->HasField(message, field)) {
    if (check.required) return Required(field->name());
    return std::nullopt;
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    std::string scratch;
    const std::string& value = reflection->GetStringReference(message, field, &scratch);
    if (check.required && value.empty()) return Required(field->name());
    return CheckLength(field->name(), value.size(), check.max_len, " bytes");
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (check.inside == nullptr) return std::nullopt;
    return Prefixed(field->name(), check.inside->Validate(reflection->GetMessage(message, field)));
  }
  if (check.required && !IsSet(message, field)) return Required(field->name());
  if (!check.min.has_value() && !check.max.has_value()) return std::nullopt;
  return WithInteger(message, field, [&](auto value) {
    return CheckRange(field->name(), value, check.min, check.max);
  });
}

std::optional<Violation> Validator::ValidateRepeated(const Check& check,
                                                     const Message& message) const {
  const Reflection* const reflection = message.GetReflection();
  const FieldDescriptor* const field = check.field;
  const int size = reflection->FieldSize(message, field);
  if (check.required && size == 0) return Required(field->name());
  auto too_long = CheckLength(field->name(), static_cast<size_t>(size), check.max_len, " elements");
  if (too_long.has_value()) return too_long;
  const bool bounded = check.min.has_value() || check.max.has_value();
  if (!bounded && check.inside == nullptr) return std::nullopt;
  for (int i = 0; i < size; ++i) {
    std::optional<Violation> violation;
    if (check.inside != nullptr) {
      violation = check.inside->Validate(reflection->GetRepeatedMessage(message, field, i));
      if (violation.has_value()) return Prefixed(Cat(field->name(), '[', i, ']'), violation);
      continue;
    }
    violation = WithElement(message, field, i, [&](auto value) {
      return CheckRange(field->name(), value, check.min, check.max);
    });
    if (violation.has_value()) {
      violation->field = Cat(field->name(), '[', i, ']');
      violation->text = Cat(violation->field, violation->text.substr(field->name().size()));
      return violation;
    }
  }
  return std::nullopt;
}

ValidatorSet::ValidatorSet(const RuleBook& book) {
  const auto messages = WorthLookingInto(book);
  for (const Descriptor* message : messages) {
    validators_.emplace(message, std::make_unique<Validator>());
  }
  for (const Descriptor* message : messages) AddChecks(book, message);
}

const Validator& ValidatorSet::Of(const Descriptor* message) const {
  static const Validator* const kNothingToCheck = new Validator;
  const auto found = validators_.find(message);
  return found == validators_.end() ? *kNothingToCheck : *found->second;
}

void ValidatorSet::AddChecks(const RuleBook& book, const Descriptor* message) {
  static const FieldRules* const kNoRules = new FieldRules;
  const EventRules* const event = book.Find(message);
  Validator& validator = *validators_.at(message);
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* const field = message->field(i);
    const FieldRules* rules = book.Find(field);
    if (rules == nullptr) rules = kNoRules;
    const bool key = event != nullptr && event->key() == field->name();
    const bool text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated();
    Validator::Check check = {.field = field,
                              .text = text,
                              .required = rules->required() || key,
                              .presence = field->has_presence(),
                              .min = std::nullopt,
                              .max = std::nullopt,
                              .max_len = rules->max_len(),
                              .inside = nullptr};
    if (rules->has_min()) check.min = rules->min();
    if (rules->has_max()) check.max = rules->max();
    const auto inside = validators_.find(field->message_type());
    if (inside != validators_.end()) check.inside = inside->second.get();
    if (check.required || check.min || check.max || check.max_len != 0 || check.inside != nullptr) {
      validator.checks_.push_back(check);
    }
  }
}

}  // namespace intentlog
