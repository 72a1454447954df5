#include "eventlog/schema/rule_check.h"

#include <set>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// A clock that may be off by more is no clock. In microseconds, both fit the numbers of a clock.
constexpr uint64_t kMaxSkewMsMax = 24ULL * 3600 * 1000;
constexpr uint64_t kPeriodMsMax = 100ULL * 366 * 24 * 3600 * 1000;
// Each has a message and an upcaster of its own, so that more is a mistake.
constexpr uint32_t kFormerVersionMax = 1000;

bool IsText(const FieldDescriptor& field) { return field.type() == FieldDescriptor::TYPE_STRING; }

bool IsStringOrBytes(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

// One of the scalar types whose equal values have equal bytes.
bool IsExactScalar(const FieldDescriptor& field) {
  return !field.is_repeated() && (IsInteger(field) || IsStringOrBytes(field) ||
                                  field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL ||
                                  field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM);
}

template <class Proto>
absl::Status NoUnknownRules(const std::string& place, const Proto& rules) {
  const auto& unknown = rules.GetReflection()->GetUnknownFields(rules);
  if (unknown.empty()) return absl::OkStatus();
  return Invalid(place, ": rule number ", unknown.field(0).number(), " of ",
                 rules.GetDescriptor()->full_name(),
                 " is not known to this program: update it, because a rule is never passed over");
}

absl::Status KnownRule(const std::string& place, std::string_view option, Rule rule) {
  if (Rule_IsValid(rule)) return absl::OkStatus();
  return Invalid(place, ": ", option, ": ", static_cast<int>(rule),
                 " is not known to this program: update it, because a rule is never passed over");
}

absl::Status CheckKey(const Descriptor& message, const EventRules& rules) {
  const std::string place = PlaceOf(message);
  if (rules.key().empty()) {
    return Invalid(place, ": key is missing: name the field that holds the entity's id");
  }
  const FieldDescriptor* field = message.FindFieldByName(rules.key());
  if (field == nullptr) {
    return Invalid(place, ": key: the message has no field ", rules.key());
  }
  if (field->is_repeated()) {
    return Invalid(PlaceOf(*field), ": a repeated field cannot be the key");
  }
  if (!IsText(*field) && !IsInteger(*field)) {
    return Invalid(PlaceOf(*field), ": the key must be a string or an integer, and is ",
                   field->type_name());
  }
  if (field->real_containing_oneof() != nullptr) {
    return Invalid(PlaceOf(*field), ": a member of a oneof cannot be the key");
  }
  return absl::OkStatus();
}

absl::Status CheckPairs(const Descriptor& message, const EventRules& rules) {
  const std::string place = PlaceOf(message);
  std::set<std::string> seen;
  for (const PairRule& pair : rules.pair()) {
    RETURN_IF_ERROR(NoUnknownRules(place, pair));
    RETURN_IF_ERROR(KnownRule(place, "pair.rule", pair.rule()));
    if (pair.against().empty()) {
      return Invalid(place, ": pair.against is missing: name the other event type");
    }
    if (pair.rule() == RULE_UNSPECIFIED) {
      return Invalid(place, ": pair against ", pair.against(), " has no rule");
    }
    if (!seen.insert(pair.against()).second) {
      return Invalid(place, ": there are two pair rules against ", pair.against());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckDuplicateKey(const Descriptor& message, const DuplicateKey& key) {
  const std::string place = PlaceOf(message);
  RETURN_IF_ERROR(NoUnknownRules(place, key));
  RETURN_IF_ERROR(KnownRule(place, "duplicate_key.outcome", key.outcome()));
  if (key.fields().empty()) return Invalid(place, ": duplicate_key names no fields");
  if (key.outcome() != SAME_IS_DUPLICATE && key.outcome() != REVIEW) {
    return Invalid(place, ": duplicate_key.outcome must be SAME_IS_DUPLICATE or REVIEW");
  }
  std::set<std::string> seen;
  for (const std::string& name : key.fields()) {
    const FieldDescriptor* field = message.FindFieldByName(name);
    if (field == nullptr) {
      return Invalid(place, ": duplicate_key: the message has no field ", name);
    }
    if (!IsExactScalar(*field)) {
      return Invalid(PlaceOf(*field), ": duplicate_key takes single integers, strings, bytes, ",
                     "booleans and enums, and this is ", field->is_repeated() ? "repeated " : "",
                     field->type_name());
    }
    if (!seen.insert(name).second) {
      return Invalid(PlaceOf(*field), ": duplicate_key names the field twice");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckClock(const Descriptor& message, const EventRules& rules) {
  const std::string place = PlaceOf(message);
  if (!TrustedClock_IsValid(rules.clock())) {
    return Invalid(place, ": clock: ", static_cast<int>(rules.clock()),
                   " is not known to this program: update it");
  }
  if (rules.clock() == DEVICE && rules.max_skew_ms() == 0) {
    return Invalid(place, ": clock: DEVICE needs max_skew_ms, or no clock is ever trusted");
  }
  if (rules.clock() == SERVER && rules.max_skew_ms() != 0) {
    return Invalid(place, ": max_skew_ms has no effect without clock: DEVICE");
  }
  if (rules.max_skew_ms() > kMaxSkewMsMax) {
    return Invalid(place, ": max_skew_ms is ", rules.max_skew_ms(), "; the most allowed is ",
                   kMaxSkewMsMax, ", a day");
  }
  const uint64_t period_ms = rules.duplicate_key().period_ms();
  if (period_ms != 0 && rules.clock() != DEVICE) {
    return Invalid(place, ": duplicate_key.period_ms compares device times: say clock: DEVICE and ",
                   "max_skew_ms, or leave it out, and the key holds for good");
  }
  if (period_ms > kPeriodMsMax) {
    return Invalid(place, ": duplicate_key.period_ms is ", period_ms, "; the most allowed is ",
                   kPeriodMsMax, ", a hundred years");
  }
  return absl::OkStatus();
}

absl::Status CheckRequired(const FieldDescriptor& field) {
  if (field.real_containing_oneof() != nullptr) {
    return Invalid(PlaceOf(field), ": a member of a oneof cannot be required");
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL && !field.has_presence() &&
      !field.is_repeated()) {
    return Invalid(PlaceOf(field), ": required, yet \"false\" and \"not set\" are the same here: ",
                   "declare it `optional bool`");
  }
  return absl::OkStatus();
}

absl::Status CheckBounds(const FieldDescriptor& field, const FieldRules& rules) {
  if ((rules.has_min() || rules.has_max()) && !IsInteger(field)) {
    return Invalid(PlaceOf(field), ": ", rules.has_min() ? "min" : "max",
                   " is for integers, and this is ", field.type_name());
  }
  if (rules.has_min() && rules.has_max() && rules.min() > rules.max()) {
    return Invalid(PlaceOf(field), ": min ", rules.min(), " is greater than max ", rules.max());
  }
  if (rules.max_len() != 0 && !field.is_repeated() && !IsStringOrBytes(field)) {
    return Invalid(PlaceOf(field), ": max_len is for strings, bytes and repeated fields, ",
                   "and this is ", field.type_name());
  }
  return absl::OkStatus();
}

}  // namespace

std::string PlaceOf(const Descriptor& message) {
  return Cat(message.file()->name(), ": message ", message.full_name());
}

std::string PlaceOf(const FieldDescriptor& field) {
  return Cat(PlaceOf(*field.containing_type()), ", field ", field.name());
}

bool IsInteger(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return true;
    default:
      return false;
  }
}

absl::Status CheckEventRules(const Descriptor& message, const EventRules& rules) {
  const std::string place = PlaceOf(message);
  RETURN_IF_ERROR(NoUnknownRules(place, rules));
  if (rules.entity().empty()) {
    return Invalid(place, ": entity is missing: name the entity type that the event is about");
  }
  const absl::Status entity = ValidEntityType(rules.entity());
  if (!entity.ok()) return Invalid(place, ": ", entity);
  RETURN_IF_ERROR(CheckKey(message, rules));
  RETURN_IF_ERROR(KnownRule(place, "concurrent", rules.concurrent()));
  RETURN_IF_ERROR(CheckPairs(message, rules));
  RETURN_IF_ERROR(CheckClock(message, rules));
  const uint32_t version = rules.schema_version() == 0 ? 1 : rules.schema_version();
  if (rules.as_is_since() > version) {
    return Invalid(place, ": as_is_since is ", rules.as_is_since(), ", and schema_version is ",
                   version);
  }
  if (rules.has_duplicate_key()) {
    RETURN_IF_ERROR(CheckDuplicateKey(message, rules.duplicate_key()));
  }
  return absl::OkStatus();
}

absl::Status CheckFormerVersion(const Descriptor& message, const FormerVersion& former,
                                bool is_event) {
  const std::string place = PlaceOf(message);
  RETURN_IF_ERROR(NoUnknownRules(place, former));
  if (is_event) return Invalid(place, ": one that is an event is no former version of another");
  if (former.type().empty()) return Invalid(place, ": former.type is missing: name the event");
  if (former.version() >= 1 && former.version() <= kFormerVersionMax) return absl::OkStatus();
  return Invalid(place, ": former.version is ", former.version(), "; allowed are 1 to ",
                 kFormerVersionMax);
}

absl::Status CheckFieldRules(const FieldDescriptor& field, const FieldRules& rules, bool of_event) {
  const std::string place = PlaceOf(field);
  RETURN_IF_ERROR(NoUnknownRules(place, rules));
  RETURN_IF_ERROR(KnownRule(place, "on_clash", rules.on_clash()));
  if (rules.required()) RETURN_IF_ERROR(CheckRequired(field));
  RETURN_IF_ERROR(CheckBounds(field, rules));
  if (rules.on_clash() != RULE_UNSPECIFIED && !of_event) {
    return Invalid(place, ": on_clash has no effect inside of messages: the event's field that ",
                   "holds this message clashes as a whole");
  }
  switch (rules.on_clash()) {
    case RULE_UNSPECIFIED:
    case LAST_WRITER_WINS:
    case FIRST_WRITER_WINS:
    case REVIEW:
      return absl::OkStatus();
    default:
      return Invalid(place, ": on_clash: ", Rule_Name(rules.on_clash()),
                     " says nothing about one field: use LAST_WRITER_WINS, FIRST_WRITER_WINS or ",
                     "REVIEW");
  }
}

}  // namespace intentlog
