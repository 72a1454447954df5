#include "eventlog/schema/event_type.h"

#include <algorithm>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

int Strictness(Rule rule) {
  switch (rule) {
    case COMMUTES:
      return 1;
    case LAST_WRITER_WINS:
      return 2;
    case FIELDWISE:
      return 3;
    case SAME_IS_DUPLICATE:
      return 4;
    case FIRST_WRITER_WINS:
      return 6;
    default:
      return 5;  // REVIEW
  }
}

// For one field, what loses it is milder than asking a person.
int FieldStrictness(Rule rule) {
  switch (rule) {
    case REVIEW:
      return 3;
    case FIRST_WRITER_WINS:
      return 2;
    default:
      return 1;
  }
}

std::set<const FieldDescriptor*> VolatileFields(const RuleBook& book, const Descriptor* message) {
  std::set<const FieldDescriptor*> found;
  std::set<const Descriptor*> seen = {message};
  std::vector<const Descriptor*> waiting = {message};
  while (!waiting.empty()) {
    const Descriptor* const next = waiting.back();
    waiting.pop_back();
    for (int i = 0; i < next->field_count(); ++i) {
      const FieldDescriptor* const field = next->field(i);
      const FieldRules* const rules = book.Find(field);
      if (rules != nullptr && rules->volatile_()) found.insert(field);
      const Descriptor* const inside = field->message_type();
      if (inside != nullptr && seen.insert(inside).second) waiting.push_back(inside);
    }
  }
  return found;
}

ClashField ClashFieldFor(const FieldDescriptor* field, const FieldRules* rules) {
  ClashField made;
  made.field = field;
  const auto* const oneof = field->real_containing_oneof();
  made.number = static_cast<uint32_t>((oneof != nullptr ? oneof->field(0) : field)->number());
  made.name = oneof != nullptr ? oneof->name() : field->name();
  if (rules != nullptr && rules->on_clash() != RULE_UNSPECIFIED) made.on_clash = rules->on_clash();
  return made;
}

}  // namespace

EventType::EventType(const RuleBook& book, const Validator& validator, const Message& prototype)
    : name_(prototype.GetDescriptor()->full_name()),
      rules_(*book.Find(prototype.GetDescriptor())),
      prototype_(&prototype),
      key_field_(prototype.GetDescriptor()->FindFieldByName(rules_.key())),
      validator_(&validator),
      compiled_(prototype.GetDescriptor()->file()->pool() == DescriptorPool::generated_pool()) {
  for (int i = 0; i < descriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = descriptor()->field(i);
    const FieldRules* const rules = book.Find(field);
    if (rules != nullptr) field_rules_.emplace(field->number(), *rules);
    if (field != key_field_) clash_fields_.push_back(ClashFieldFor(field, rules));
  }
  std::sort(clash_fields_.begin(), clash_fields_.end(),
            [](const auto& a, const auto& b) { return a.field->number() < b.field->number(); });
  volatile_ = VolatileFields(book, descriptor());
  for (const std::string& field : rules_.duplicate_key().fields()) {
    duplicate_key_.push_back(descriptor()->FindFieldByName(field));
  }
}

const FieldRules* EventType::field_rules(int number) const {
  const auto found = field_rules_.find(number);
  return found == field_rules_.end() ? nullptr : &found->second;
}

const ClashField* EventType::ClashFieldOf(uint32_t number) const {
  const auto found = std::find_if(clash_fields_.begin(), clash_fields_.end(),
                                  [&](const ClashField& field) { return field.number == number; });
  return found == clash_fields_.end() ? nullptr : &*found;
}

const ClashField* EventType::ClashFieldOf(std::string_view name) const {
  const auto found = std::find_if(clash_fields_.begin(), clash_fields_.end(),
                                  [&](const ClashField& field) { return field.name == name; });
  return found == clash_fields_.end() ? nullptr : &*found;
}

bool EventType::IsVolatile(const FieldDescriptor* field) const {
  return !volatile_.empty() && volatile_.count(field) > 0;
}

std::string EventType::EntityId(const Message& payload) const {
  const Reflection* const reflection = payload.GetReflection();
  switch (key_field_->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->GetString(payload, key_field_);
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(reflection->GetInt32(payload, key_field_));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection->GetUInt32(payload, key_field_));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection->GetUInt64(payload, key_field_));
    default:
      return std::to_string(reflection->GetInt64(payload, key_field_));
  }
}

bool EventType::IsAbout(const Message& payload, std::string_view id) const {
  if (key_field_->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return EntityId(payload) == id;
  std::string scratch;
  return payload.GetReflection()->GetStringReference(payload, key_field_, &scratch) == id;
}

std::optional<Violation> EventType::Validate(const Message& payload) const {
  // Generated code knows its size in less time than it takes to look at two texts by reflection.
  return validator_->Validate(payload, compiled_ ? payload.ByteSizeLong() : SIZE_MAX);
}

absl::StatusOr<std::string_view> EventType::Upcast(uint32_t version, std::string_view bytes,
                                                   const LostFields& lost,
                                                   std::string& scratch) const {
  INTENTLOG_CHECK(IsFormer(version));
  return former_.Upcast(std::max(version, 1u), bytes, lost, scratch);
}

std::optional<Violation> EventType::Read(uint32_t version, std::string_view bytes,
                                         Message& payload) const {
  std::string scratch;
  if (!IsFormer(version)) return ReadAsIs(bytes, payload);
  if (auto violation = former_.Validate(std::max(version, 1u), bytes)) return violation;
  const auto upcast = Upcast(version, bytes, {}, scratch);
  if (!upcast.ok()) {
    return Violation{Reason::MALFORMED, "", std::string(MessageOf(upcast.status()))};
  }
  // Who recorded it could not know the rules of today.
  if (ParseFormer(*upcast, payload).ok()) return std::nullopt;
  return Violation{Reason::MALFORMED, "",
                   Cat("what version ", version, " of ", name_, " became does not parse")};
}

std::optional<Violation> EventType::ReadAsIs(std::string_view bytes, Message& payload) const {
  if (!MessagesFit(*descriptor(), bytes)) {
    return Violation{Reason::MALFORMED, "",
                     Cat("a message in the payload of ", bytes.size(), " bytes, of ", name_,
                         ", is longer than what is around it")};
  }
  if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Violation{Reason::MALFORMED, "",
                     Cat("the payload of ", bytes.size(), " bytes does not parse as ", name_)};
  }
  return validator_->Validate(payload, bytes.size());
}

Rule RuleBetween(const EventType& a, const EventType& b) {
  for (const auto& [name, rule] : a.overrides_) {
    if (name == b.name()) return rule;
  }
  for (const auto& [name, rule] : b.overrides_) {
    if (name == a.name()) return rule;
  }
  const Rule rule = Stricter(a.rules().concurrent(), b.rules().concurrent());
  // Events of two types are never the same: what is not, a person decides.
  return rule == SAME_IS_DUPLICATE && a.name() != b.name() ? REVIEW : rule;
}

Rule OnClash(const ClashField& a, const ClashField& b) {
  return FieldStrictness(a.on_clash) >= FieldStrictness(b.on_clash) ? a.on_clash : b.on_clash;
}

Rule Stricter(Rule a, Rule b) {
  const Rule stricter = Strictness(a) >= Strictness(b) ? a : b;
  return stricter == RULE_UNSPECIFIED ? REVIEW : stricter;
}

}  // namespace intentlog
