#include "server/admit/naive_admit.h"

#include <map>

#include "eventlog/runtime/text.h"
#include "google/protobuf/text_format.h"

namespace intentlog {
namespace {

using google::protobuf::FieldDescriptor;

// What an event wrote: names of fields, and their values as text. A oneof goes by its own name.
std::map<std::string, std::string> Writes(const NaiveEvent& event) {
  std::map<std::string, std::string> writes;
  if (event.without_all) return writes;
  std::vector<const FieldDescriptor*> set;
  event.payload->GetReflection()->ListFields(*event.payload, &set);
  for (const FieldDescriptor* field : set) {
    if (field == event.type->key_field() || event.without.count(field->name()) > 0) continue;
    std::string text;
    const int count =
        field->is_repeated() ? event.payload->GetReflection()->FieldSize(*event.payload, field) : 0;
    for (int i = field->is_repeated() ? 0 : -1; i < count; ++i) {
      std::string value;
      google::protobuf::TextFormat::PrintFieldValueToString(*event.payload, field, i, &value);
      text += value + ",";
      if (i < 0) break;
    }
    const auto* const oneof = field->real_containing_oneof();
    writes[oneof == nullptr ? field->name() : oneof->name()] = Cat(field->name(), "=", text);
  }
  return writes;
}

bool Equal(const NaiveEvent& a, const NaiveEvent& b) {
  const auto content = [](const NaiveEvent& event) {
    auto writes = Writes(event);
    for (auto it = writes.begin(); it != writes.end();) {
      const auto* const field = event.type->descriptor()->FindFieldByName(it->first);
      it = field != nullptr && event.type->IsVolatile(field) ? writes.erase(it) : std::next(it);
    }
    return writes;
  };
  return a.type == b.type && a.without.empty() && b.without.empty() && content(a) == content(b);
}

std::set<std::string> Shared(const NaiveEvent& a, const NaiveEvent& b) {
  std::set<std::string> shared;
  const auto theirs = Writes(b);
  for (const auto& [name, value] : Writes(a)) {
    if (theirs.count(name) > 0) shared.insert(name);
  }
  return shared;
}

Rule OnClashOf(const EventType& type, const std::string& name) {
  for (int i = 0; i < type.descriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = type.descriptor()->field(i);
    const auto* const oneof = field->real_containing_oneof();
    if ((oneof == nullptr ? field->name() : oneof->name()) != name) continue;
    const FieldRules* const rules = type.field_rules(field->number());
    return rules == nullptr || rules->on_clash() == RULE_UNSPECIFIED ? LAST_WRITER_WINS
                                                                     : rules->on_clash();
  }
  return LAST_WRITER_WINS;
}

Rule OnClashOf(const EventType& a, const EventType& b, const std::string& name) {
  for (const Rule rule : {REVIEW, FIRST_WRITER_WINS}) {
    if (OnClashOf(a, name) == rule || OnClashOf(b, name) == rule) return rule;
  }
  return LAST_WRITER_WINS;
}

bool Clashes(const NaiveEvent& intent, const NaiveEvent& event) {
  if (event.without_all) return false;
  const Rule rule = RuleBetween(*intent.type, *event.type);
  if (rule == COMMUTES) return false;
  if (rule == FIELDWISE) return !Shared(intent, event).empty();
  return intent.type != event.type || rule != SAME_IS_DUPLICATE || !Equal(intent, event);
}

// What all pairs say, before it is weighed.
struct Tally {
  bool rejected = false;
  bool review = false;
  bool lost = false;
  bool unknown_time = false;
  std::set<std::string> review_fields, lost_fields, unknown_fields;
};

enum class Later { kYes, kNo, kUnknown };

// Server order decides, unless both have a device clock.
Later IsLater(const NaiveEvent& intent, const NaiveEvent& event) {
  if (intent.type->rules().clock() != DEVICE || event.type->rules().clock() != DEVICE) {
    return Later::kYes;
  }
  if (!intent.time_us || !event.time_us) return Later::kUnknown;
  return *intent.time_us >= *event.time_us ? Later::kYes : Later::kNo;
}

void AddFields(const NaiveEvent& intent, const NaiveEvent& event, Tally& tally) {
  for (const std::string& name : Shared(intent, event)) {
    const Rule rule = OnClashOf(*intent.type, *event.type, name);
    if (rule == REVIEW) {
      tally.review_fields.insert(name);
    } else if (rule == FIRST_WRITER_WINS || IsLater(intent, event) == Later::kNo) {
      tally.lost_fields.insert(name);
    } else if (IsLater(intent, event) == Later::kUnknown) {
      tally.unknown_fields.insert(name);
    }
  }
}

void AddPair(const NaiveEvent& intent, const NaiveEvent& event, Tally& tally) {
  switch (RuleBetween(*intent.type, *event.type)) {
    case COMMUTES:
      return;
    case LAST_WRITER_WINS:
      tally.lost = tally.lost || IsLater(intent, event) == Later::kNo;
      tally.unknown_time = tally.unknown_time || IsLater(intent, event) == Later::kUnknown;
      return;
    case FIELDWISE:
      return AddFields(intent, event, tally);
    case FIRST_WRITER_WINS:
      tally.rejected = true;
      return;
    default:
      tally.review = true;
  }
}

NaiveVerdict Weigh(const NaiveEvent& intent, Tally tally) {
  if (tally.rejected) return {REJECTED, Reason::CONCURRENT_CHANGE, {}, {}, false, 0};
  if (tally.review) return {CONFLICTED, Reason::CONCURRENT_CHANGE, {}, {}, false, 0};
  if (!tally.review_fields.empty()) {
    return {CONFLICTED, Reason::CONCURRENT_CHANGE, tally.review_fields, {}, false, 0};
  }
  // What is lost anyway needs no clock.
  for (const std::string& lost : tally.lost_fields) tally.unknown_fields.erase(lost);
  std::set<std::string> set;
  for (const auto& [name, value] : Writes(intent)) set.insert(name);
  const bool nothing_left = tally.lost || (!set.empty() && tally.lost_fields == set);
  if (nothing_left) {
    return {MERGED, Reason::CONCURRENT_CHANGE, tally.lost ? std::set<std::string>() : set, {}, true,
            0};
  }
  if (tally.unknown_time) return {CONFLICTED, Reason::CLOCK_UNTRUSTED, {}, {}, false, 0};
  if (!tally.unknown_fields.empty()) {
    return {CONFLICTED, Reason::CLOCK_UNTRUSTED, tally.unknown_fields, {}, false, 0};
  }
  if (tally.lost_fields.empty()) return {MERGED, Reason::CODE_UNSPECIFIED, {}, {}, false, 0};
  return {MERGED, Reason::CONCURRENT_CHANGE, tally.lost_fields, tally.lost_fields, false, 0};
}

std::string Joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += Cat(text.empty() ? "" : ",", name);
  return text;
}

}  // namespace

NaiveVerdict NaiveAdmit(const NaiveEvent& intent, const std::vector<NaiveEvent>& effective,
                        const std::set<LogId>& own_logs, uint64_t base) {
  std::vector<const NaiveEvent*> concurrent;
  uint64_t equal = 0;
  for (const NaiveEvent& event : effective) {
    if (event.position <= base || own_logs.count(event.log) > 0 || event.without_all) continue;
    concurrent.push_back(&event);
    if (RuleBetween(*intent.type, *intent.type) == SAME_IS_DUPLICATE && Equal(intent, event)) {
      equal = event.position;
    }
  }
  if (concurrent.empty()) return {};
  for (const NaiveEvent& event : effective) {
    if (event.position > equal && Clashes(intent, event)) equal = 0;
  }
  if (equal != 0) return {DUPLICATE, Reason::SAME_CONTENT, {}, {}, false, equal};
  Tally tally;
  for (const NaiveEvent* event : concurrent) AddPair(intent, *event, tally);
  return Weigh(intent, std::move(tally));
}

std::string ToText(const NaiveVerdict& verdict) {
  return Cat(Decision_Name(verdict.decision), " ", Reason::Code_Name(verdict.code), " fields ",
             Joined(verdict.fields), " without ", Joined(verdict.without),
             verdict.without_all ? " without all" : "", " duplicate of ", verdict.duplicate_of);
}

}  // namespace intentlog
