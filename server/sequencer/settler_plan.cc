// Deciding about Resolve, Amend and Dismiss.
#include <optional>
#include <utility>
#include <variant>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/intent.h"
#include "server/admit/decided.h"
#include "server/sequencer/server_rows.h"
#include "server/sequencer/settler.h"

namespace intentlog {
namespace {

// That of the Resolve; none for what amends or dismisses.
Resolve::Verdict VerdictIn(const Control& control) {
  switch (control.kind) {
    case Control::Kind::kApply:
      return Resolve::APPLY;
    case Control::Kind::kDrop:
      return Resolve::DROP;
    case Control::Kind::kReplace:
      return Resolve::REPLACE;
    default:
      return Resolve::VERDICT_UNSPECIFIED;
  }
}

// The verdict that made the batch's: the others only say that they are of it.
const Verdict& Decisive(absl::Span<const Candidate> batch) {
  for (const Candidate& member : batch) {
    if (member.verdict.reason.code() != Reason::BATCH_MEMBER) return member.verdict;
  }
  return batch.front().verdict;
}

Verdict Refused(Reason reason) {
  Verdict verdict;
  verdict.decision = REJECTED;
  verdict.reason = std::move(reason);
  return verdict;
}

}  // namespace

absl::StatusOr<Verdict> Settler::Plan(const Asked& asked) {
  work_.reset();
  Work work;
  ASSIGN_OR_RETURN(std::optional<Reason> refused, Prepare(asked, work));
  if (!refused) {
    ASSIGN_OR_RETURN(refused, Judge(asked, work));
  }
  if (refused) return Refused(*std::move(refused));
  work_ = std::move(work);
  return Verdict();
}

// What is asked, about what; whether it may be asked.
absl::StatusOr<std::optional<Reason>> Settler::Prepare(const Asked& asked, Work& work) {
  const Intent& intent = *asked.intent;
  // An operator who leaves the entity out is told about the position alone.
  const bool nameless = asked.by_operator && intent.entity_type().empty();
  if (auto violation = nameless ? std::nullopt : CheckEnvelope(intent)) {
    Reason reason;
    reason.set_code(violation->code);
    reason.set_field(violation->field);
    reason.set_text(violation->text);
    return std::optional<Reason>(std::move(reason));
  }
  auto parsed = ParseControl(intent);
  if (auto* const reason = std::get_if<Reason>(&parsed)) return std::optional(*reason);
  work.control = std::get<Control>(std::move(parsed));
  ASSIGN_OR_RETURN(const Position of, ahead_.EventAt(intent.based_on(), Position(work.control.of)));
  work.control.of = of.value();
  ASSIGN_OR_RETURN(const std::optional<OpenEvent> open, lanes_.Find(work.control.of));
  ASSIGN_OR_RETURN(const std::optional<ClosedEvent> closed,
                   ahead_.index().GetRow<ClosedEvent>(ClosedKey(work.control.of)));
  ControlFacts facts;
  facts.intent = &intent;
  facts.own_logs = asked.own_logs;
  facts.by_operator = asked.by_operator;
  facts.closed = closed ? &*closed : nullptr;
  ASSIGN_OR_RETURN(const LogAhead::Place base, ahead_.PlaceOf(intent.based_on()));
  facts.base_ahead = base.ahead;
  if (open) {
    ASSIGN_OR_RETURN(work.batch, lanes_.BatchOf(*open));
    ASSIGN_OR_RETURN(facts.waits_behind, lanes_.WaitsBehind(work.batch));
    facts.open = &*open;
    for (const OpenMember& member : work.batch) {
      if (member.position() == open->position()) facts.open_intent = &member.intent;
    }
  }
  if (auto reason = CheckControl(work.control, facts)) return reason;
  if (work.control.kind == Control::Kind::kAmend && work.batch.size() < open->batch_size()) {
    return std::optional(Decided(REJECTED, Reason::MALFORMED, "of",
                                 "its batch has a member without an entity, which nothing can "
                                 "correct; dismiss it")
                             .reason);
  }
  work.cause.resolver = asked.resolver;
  work.cause.resolved_by = intent.intent_id();
  work.cause.verdict = VerdictIn(work.control);
  Readmission& followers = work.cause.followers;
  followers.set_base(base.at.value());
  if (work.control.followers_too && work.control.closes_without_effect()) {
    followers.set_drop_through(ahead_.head().value());
    followers.set_resolver(work.cause.resolver);
    followers.set_resolved_by(work.cause.resolved_by);
  }
  return std::optional<Reason>();
}

// The member that is named gets another type and payload.
std::optional<Reason> Settler::ReplaceMember(const Asked& asked, Work& work) {
  for (size_t m = 0; m < work.batch.size(); ++m) {
    const OpenMember& member = work.batch[m];
    if (member.position() != work.control.of) continue;
    const std::string& name = work.control.type.empty() ? member.intent.type() : work.control.type;
    const EventType* const type = admitter_.schema().Find(name);
    if (type != nullptr && type->entity_type() != member.intent.entity_type()) {
      return Decided(REJECTED, Reason::WRONG_TYPE, "replacement_type",
                     Cat(type->name(), " is about a ", type->entity_type(), ", not about a ",
                         member.intent.entity_type()))
          .reason;
    }
    if (type != nullptr) work.control.type = type->name();  // a short name is as good
    work.intents[m] = Replaced(member.intent, work.control, *asked.intent);
  }
  return std::nullopt;
}

// What Admit says of these intents upon what the person had seen. The person decides about the
// lane, so nobody's lanes count.
absl::StatusOr<Verdict> Settler::AdmitAsSeen(const Asked& asked, const Work& work,
                                             std::vector<EntitySummary>& summaries,
                                             std::vector<Candidate>& candidates,
                                             const std::vector<Intent>& intents) {
  const bool amends = work.control.kind == Control::Kind::kAmend;
  summaries.clear();
  candidates.clear();
  summaries.reserve(intents.size());
  for (size_t m = 0; m < intents.size(); ++m) {
    const OpenMember& member = work.batch[m];
    summaries.push_back(member.entity->summary);
    summaries.back().clear_open();
    const bool replaced = work.control.replaces() && member.position() == work.control.of;
    const bool known = replaced ? asked.clock.has_value() : member.row.has_clock();
    Candidate candidate;
    candidate.intent = &intents[m];
    candidate.summary = &summaries.back();
    candidate.own_logs = asked.own_logs;
    candidate.clock = FactsOf(replaced ? asked.clock.value_or(SeenClock()) : member.row.clock(),
                              known, ahead_.now_us());
    candidate.position = member.position();
    candidate.asks_key = amends;
    candidates.push_back(std::move(candidate));
  }
  RETURN_IF_ERROR(admitter_.Admit(absl::MakeSpan(candidates)));
  return Decisive(candidates);
}

// What becomes of the batch.
absl::StatusOr<std::optional<Reason>> Settler::Judge(const Asked& asked, Work& work) {
  for (const OpenMember& member : work.batch) {
    work.intents.push_back(member.intent);
    *work.intents.back().mutable_based_on() = asked.intent->based_on();
  }
  std::vector<EntitySummary> summaries;
  ASSIGN_OR_RETURN(const Verdict original,
                   AdmitAsSeen(asked, work, summaries, work.candidates, work.intents));
  Verdict admitted = original;
  if (work.control.replaces()) {
    if (auto reason = ReplaceMember(asked, work)) return reason;
    for (Intent& intent : work.intents) *intent.mutable_based_on() = asked.intent->based_on();
    ASSIGN_OR_RETURN(admitted, AdmitAsSeen(asked, work, summaries, work.candidates, work.intents));
  }
  const auto settled = SettledAs(work.control, original, admitted);
  if (const auto* const reason = std::get_if<Reason>(&settled)) return std::optional(*reason);
  const Settled& how = std::get<Settled>(settled);
  work.cause.closes = !how.turned;
  for (size_t m = 0; m < work.candidates.size(); ++m) {
    Candidate& candidate = work.candidates[m];
    candidate.summary = &work.batch[m].entity->summary;
    candidate.own_logs = {};
    if (work.control.closes_without_effect()) {
      candidate.verdict = Dropped(work.cause.resolver);
    } else if (candidate.verdict.decision != how.decision) {
      candidate.verdict = Verdict();
      candidate.verdict.decision = how.decision;
    }
  }
  if (work.control.kind == Control::Kind::kAmend && how.turned) {
    for (size_t m = 0; m < work.batch.size(); ++m) {
      OpenEvent& row = work.batch[m].row;
      if (row.position() != work.control.of) continue;
      row.set_intent(work.intents[m].SerializeAsString());
      row.clear_clock();
      if (asked.clock) *row.mutable_clock() = *asked.clock;
    }
  }
  return std::optional<Reason>();
}

}  // namespace intentlog
