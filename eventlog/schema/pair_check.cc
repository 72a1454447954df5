#include "eventlog/schema/pair_check.h"

#include <algorithm>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/rule_check.h"

namespace intentlog {
namespace {

bool SharesLastWriterField(const EventType& a, const EventType& b) {
  return std::any_of(a.clash_fields().begin(), a.clash_fields().end(),
                     [&](const ClashField& field) {
                       const ClashField* const other = b.ClashFieldOf(field.name);
                       return other != nullptr && OnClash(field, *other) == LAST_WRITER_WINS;
                     });
}

// The pairs that a type names, rather than falls into by its default.
absl::Status CheckNamedPairs(const EventType& type, const std::vector<const EventType*>& peers) {
  for (const EventType* peer : peers) {
    const Rule rule = RuleBetween(type, *peer);
    const bool by_name = rule != Stricter(type.rules().concurrent(), peer->rules().concurrent());
    if (rule == SAME_IS_DUPLICATE && by_name && peer != &type) {
      return Invalid(PlaceOf(*type.descriptor()), ": pair against ", peer->name(),
                     ": SAME_IS_DUPLICATE is for events of one type, because events of two are ",
                     "never equal: use REVIEW");
    }
    if (rule == FIELDWISE && (by_name || peer == &type) && type.clash_fields().empty()) {
      return Invalid(PlaceOf(*type.descriptor()), ": FIELDWISE against ", peer->name(),
                     ", yet there is no field but the key");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOnClash(const EventType& type) {
  for (const ClashField& clash : type.clash_fields()) {
    const FieldRules* const rules = type.field_rules(clash.field->number());
    if (rules == nullptr || rules->on_clash() == RULE_UNSPECIFIED || type.asks_fields()) continue;
    return Invalid(PlaceOf(*clash.field), ": on_clash has no effect, because no rule of ",
                   type.name(), " is FIELDWISE");
  }
  const FieldRules* const key = type.field_rules(type.key_field()->number());
  if (key == nullptr || key->on_clash() == RULE_UNSPECIFIED) return absl::OkStatus();
  return Invalid(PlaceOf(*type.key_field()),
                 ": on_clash has no effect on the key, which is the same in all that meet");
}

absl::Status CheckClockIsUsed(const EventType& type) {
  if (!type.has_device_clock() || type.asks_time()) return absl::OkStatus();
  return Invalid(PlaceOf(*type.descriptor()),
                 ": clock: DEVICE has no effect: nothing is LAST_WRITER_WINS against a type with ",
                 "such a clock, in whole or in a field, and there is no duplicate_key.period_ms");
}

}  // namespace

bool ComparesTimes(const EventType& a, const EventType& b) {
  if (!a.has_device_clock() || !b.has_device_clock()) return false;
  const Rule rule = RuleBetween(a, b);
  return rule == LAST_WRITER_WINS || (rule == FIELDWISE && SharesLastWriterField(a, b));
}

absl::Status CheckAgainst(const EventType& type, const std::vector<const EventType*>& peers) {
  RETURN_IF_ERROR(CheckNamedPairs(type, peers));
  RETURN_IF_ERROR(CheckOnClash(type));
  return CheckClockIsUsed(type);
}

}  // namespace intentlog
