#include "server/admit/concurrent.h"

#include <algorithm>
#include <string>
#include <utility>

#include "eventlog/runtime/text.h"
#include "server/admit/clock.h"
#include "server/admit/content.h"
#include "server/admit/decided.h"
#include "server/admit/fields.h"
#include "server/admit/unseen.h"

namespace intentlog {
namespace {

using TypeSummary = EntitySummary::TypeSummary;
using Fields = std::vector<const ClashField*>;

// What becomes of the whole intent or of one field; the later value is the stricter one. What is
// lost for certain needs no clock that can be trusted, so it comes after that.
enum class Fate { kStands, kUnknownTime, kLost, kReview, kRejected };

struct Finding {
  Fate fate = Fate::kStands;
  Rule rule = COMMUTES;
  uint64_t position = 0;               // of what made it so
  const std::string* other = nullptr;  // its type

  bool StricterThan(const Finding& before) const {
    if (fate != before.fate) return fate > before.fate;
    return position > before.position;
  }
};

Fate FateOf(ByTime::Outcome outcome) {
  switch (outcome) {
    case ByTime::kLater:
      return Fate::kStands;
    case ByTime::kEarlier:
      return Fate::kLost;
    default:
      return Fate::kUnknownTime;
  }
}

const EventType* TypeOf(const TypeSummary& events, const AdmitInput& input) {
  return events.type() == input.type->name() ? input.type : input.schema->Find(events.type());
}

// Collects what every pair has to say, and decides.
class Judge {
 public:
  explicit Judge(const AdmitInput& input)
      : input_(input), type_(*input.type), from_{input.own_logs, input.base.value(), std::nullopt} {
    if (type_.asks_time()) from_.device_time_us = TrustedTime(type_, *input.intent, input.clock);
  }

  Verdict Decide() {
    bool any = false;
    for (const TypeSummary& events : input_.entity->types()) {
      const uint64_t position = NewestUnseen(events, from_);
      if (position == 0) continue;
      any = true;
      AddPair(events, position);
    }
    return any ? Conclude() : Verdict();
  }

 private:
  void AddPair(const TypeSummary& events, uint64_t position) {
    const EventType* const other = TypeOf(events, input_);
    const Rule rule = other == nullptr ? REVIEW : RuleBetween(type_, *other);
    switch (rule) {
      case COMMUTES:
        return;
      case LAST_WRITER_WINS:
        if (type_.has_device_clock() && other->has_device_clock()) {
          const ByTime by_time = CompareTimes(events, from_);
          Keep({FateOf(by_time.outcome), rule, by_time.position, &events.type()}, whole_);
        }
        return;
      case FIELDWISE:
        return AddFieldwise(events, *other);
      case FIRST_WRITER_WINS:
        return Keep({Fate::kRejected, rule, position, &events.type()}, whole_);
      default:  // REVIEW; what was not equal; and what nobody specified
        return Keep({Fate::kReview, rule, position, &events.type()}, whole_);
    }
  }

  void AddFieldwise(const TypeSummary& events, const EventType& other) {
    if (fields_.empty()) {
      fields_ = FieldsSet(type_, *input_.payload);
      findings_.resize(fields_.size());
    }
    const bool by_time = type_.has_device_clock() && other.has_device_clock();
    for (size_t i = 0; i < fields_.size(); ++i) {
      const Meeting meeting = MeetingOf(*fields_[i], type_, events, other);
      Finding finding = {Fate::kStands, FIELDWISE, 0, &events.type()};
      if (meeting.writers != nullptr) finding.position = NewestUnseen(*meeting.writers, from_);
      if (finding.position != 0) AddMeeting(meeting, by_time, finding);
      Keep(finding, findings_[i]);
      if (FieldsUntold(events, other) <= from_.base) continue;
      const bool mild = meeting.on_clash == LAST_WRITER_WINS && !by_time;
      Keep({mild ? Fate::kStands : Fate::kReview, FIELDWISE, FieldsUntold(events, other),
            &events.type()},
           findings_[i]);
    }
  }

  void AddMeeting(const Meeting& meeting, bool by_time, Finding& finding) const {
    if (meeting.on_clash == REVIEW) {
      finding.fate = Fate::kReview;
    } else if (meeting.on_clash == FIRST_WRITER_WINS) {
      finding.fate = Fate::kLost;
    } else if (by_time) {
      const ByTime compared = CompareTimes(*meeting.writers, from_);
      finding.fate = FateOf(compared.outcome);
      if (finding.fate != Fate::kStands) finding.position = compared.position;
    }
  }

  static void Keep(const Finding& finding, Finding& strictest) {
    if (finding.StricterThan(strictest)) strictest = finding;
  }

  Verdict Conclude() {
    const std::string at =
        whole_.other == nullptr ? "" : Cat(*whole_.other, " at position ", whole_.position);
    if (whole_.fate == Fate::kRejected) {
      return Whole(REJECTED, Reason::CONCURRENT_CHANGE, Cat(at, " came first and won"));
    }
    if (whole_.fate == Fate::kReview) {
      return Whole(CONFLICTED, Reason::CONCURRENT_CHANGE,
                   Cat(at, " was not seen; a person decides"));
    }
    if (Has(Fate::kReview)) {
      return OfFields(CONFLICTED, Reason::CONCURRENT_CHANGE, Fate::kReview,
                      ", which was not seen, set too; a person decides");
    }
    if (whole_.fate == Fate::kLost) return WithoutAll(at);
    if (!LostEveryField()) {
      if (whole_.fate == Fate::kUnknownTime) {
        return Whole(CONFLICTED, Reason::CLOCK_UNTRUSTED, Cat(UnknownTime(), at));
      }
      if (Has(Fate::kUnknownTime)) {
        return OfFields(CONFLICTED, Reason::CLOCK_UNTRUSTED, Fate::kUnknownTime,
                        " set too, and the times of both cannot be compared");
      }
    }
    return Merged();
  }

  Verdict Merged() const {
    Verdict verdict;
    verdict.decision = MERGED;
    if (!Has(Fate::kLost)) return verdict;
    verdict = OfFields(MERGED, Reason::CONCURRENT_CHANGE, Fate::kLost, " set, and it stands");
    verdict.without_all = LostEveryField();
    if (verdict.without_all) return verdict;
    if (type_.IsFormer(input_.intent->schema_version())) {
      verdict.without_version = type_.schema_version();
    }
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (findings_[i].fate != Fate::kLost) continue;
      verdict.without.push_back(static_cast<uint32_t>(fields_[i]->field->number()));
    }
    return verdict;
  }

  Verdict WithoutAll(const std::string& at) const {
    Verdict verdict = Whole(MERGED, Reason::CONCURRENT_CHANGE,
                            Cat(at, " is later by its device's clock, and stands"));
    verdict.without_all = true;
    return verdict;
  }

  // What this program cannot read is not lost.
  bool LostEveryField() const {
    const auto lost = [](const Finding& finding) { return finding.fate == Fate::kLost; };
    return !findings_.empty() && std::all_of(findings_.begin(), findings_.end(), lost) &&
           input_.payload->GetReflection()->GetUnknownFields(*input_.payload).empty();
  }

  bool Has(Fate fate) const {
    return std::any_of(findings_.begin(), findings_.end(),
                       [fate](const Finding& finding) { return finding.fate == fate; });
  }

  std::string UnknownTime() const {
    return from_.device_time_us ? "its device time cannot be compared with that of "
                                : "its device's clock is not trusted, and it may be older than ";
  }

  Verdict Whole(Decision decision, Reason::Code code, std::string text) const {
    Verdict verdict = Decided(decision, code, "", std::move(text));
    verdict.reason.set_other_position(whole_.position);
    verdict.reason.set_rule(whole_.rule);
    return verdict;
  }

  // "phone, country: what CustomerUpdated at position 7" and `text`.
  Verdict OfFields(Decision decision, Reason::Code code, Fate fate, std::string_view text) const {
    Verdict verdict = Decided(decision, code, "", "");
    Finding newest;
    std::string names;
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (findings_[i].fate != fate) continue;
      if (findings_[i].StricterThan(newest)) newest = findings_[i];
      verdict.reason.add_fields(fields_[i]->field->name());
      names += Cat(names.empty() ? "" : ", ", fields_[i]->field->name());
    }
    verdict.reason.set_text(
        Cat(names, ": what ", *newest.other, " at position ", newest.position, text));
    verdict.reason.set_rule(FIELDWISE);
    verdict.reason.set_other_position(newest.position);
    if (verdict.reason.fields_size() == 1) verdict.reason.set_field(names);
    return verdict;
  }

  const AdmitInput& input_;
  const EventType& type_;
  Viewpoint from_;
  Finding whole_;
  Fields fields_;  // those set, once some pair asks for them
  std::vector<Finding> findings_;
};

// The greatest position of an event, of whatever log, that an intent of this type clashes with.
uint64_t NewestClash(const TypeSummary& events, const Fields& fields, const AdmitInput& input) {
  if (events.writers().empty()) return 0;
  const EventType* const other = TypeOf(events, input);
  const Rule rule = other == nullptr ? REVIEW : RuleBetween(*input.type, *other);
  if (rule == COMMUTES) return 0;
  if (rule != FIELDWISE) return events.writers(0).position();
  uint64_t newest = FieldsUntold(events, *other);
  for (const ClashField* field : fields) {
    const Meeting meeting = MeetingOf(*field, *input.type, events, *other);
    if (meeting.writers == nullptr) continue;
    newest = std::max<uint64_t>(newest, meeting.writers->writers(0).position());
  }
  return newest;
}

// The newest equal concurrent event, if the summary remembers it and all of its type that came
// after it, and those are equal too; otherwise 0.
uint64_t NewestEqual(const TypeSummary& events, const AdmitInput& input) {
  if (events.recent().empty() || events.writers().empty() ||
      events.recent(0).position() != events.writers(0).position()) {
    return 0;
  }
  const uint64_t content = ContentHash(*input.type, *input.payload);
  for (const EntitySummary::Content& recent : events.recent()) {
    if (recent.position() <= input.base.value() || recent.hash() != content) return 0;
    if (!Owns(input.own_logs, recent.log_id(), recent.position())) return recent.position();
  }
  return 0;
}

}  // namespace

std::optional<Verdict> CheckSame(const AdmitInput& input) {
  if (!input.type->asks_content() || input.entity->last_effective() <= input.base.value()) {
    return std::nullopt;
  }
  uint64_t equal = 0;
  for (const TypeSummary& events : input.entity->types()) {
    if (events.type() == input.type->name()) equal = NewestEqual(events, input);
  }
  if (equal == 0) return std::nullopt;
  const Fields fields =
      input.type->asks_fields() ? FieldsSet(*input.type, *input.payload) : Fields();
  for (const TypeSummary& events : input.entity->types()) {
    if (events.type() == input.type->name()) continue;
    if (NewestClash(events, fields, input) > equal) return std::nullopt;
  }
  Verdict verdict = Decided(DUPLICATE, Reason::SAME_CONTENT, "",
                            Cat("is what ", input.type->name(), " at position ", equal, " did"));
  verdict.duplicate_of = equal;
  verdict.reason.set_other_position(equal);
  verdict.reason.set_rule(SAME_IS_DUPLICATE);
  return verdict;
}

Verdict CheckConcurrent(const AdmitInput& input) {
  if (input.entity->last_effective() <= input.base.value()) return Verdict();
  return Judge(input).Decide();
}

}  // namespace intentlog
