#include "server/admit/settle.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/text.h"
#include "server/admit/decided.h"

namespace intentlog {
namespace {

constexpr std::string_view kResolve = "intentlog.Resolve";
constexpr std::string_view kAmend = "intentlog.Amend";
constexpr std::string_view kDismiss = "intentlog.Dismiss";

Reason Because(Reason::Code code, std::string text, uint64_t other_position = 0) {
  Reason reason;
  reason.set_code(code);
  reason.set_text(std::move(text));
  reason.set_other_position(other_position);
  return reason;
}

Reason Malformed(std::string_view field, std::string text) {
  Reason reason = Because(Reason::MALFORMED, std::move(text));
  reason.set_field(field.data(), field.size());
  return reason;
}

std::variant<Control, Reason> ParseResolve(const Resolve& resolve) {
  Control control;
  switch (resolve.verdict()) {
    case Resolve::APPLY:
      control.kind = Control::Kind::kApply;
      break;
    case Resolve::DROP:
      control.kind = Control::Kind::kDrop;
      break;
    case Resolve::REPLACE:
      control.kind = Control::Kind::kReplace;
      break;
    default:
      return Malformed("verdict", "the verdict is none of apply, drop and replace");
  }
  control.type = resolve.replacement_type();
  control.payload = resolve.replacement();
  control.schema_version = resolve.replacement_version();
  control.followers_too = resolve.followers_too();
  return control;
}

std::variant<Control, Reason> ParsePayload(const Intent& intent) {
  Control control;
  if (intent.type() == kResolve) {
    Resolve resolve;
    if (!resolve.ParseFromString(intent.payload())) {
      return Malformed("payload", "the payload is no Resolve");
    }
    auto parsed = ParseResolve(resolve);
    if (auto* const found = std::get_if<Control>(&parsed)) found->of = resolve.of();
    return parsed;
  }
  if (intent.type() == kAmend) {
    Amend amend;
    if (!amend.ParseFromString(intent.payload())) {
      return Malformed("payload", "the payload is no Amend");
    }
    control.kind = Control::Kind::kAmend;
    control.of = amend.of();
    control.type = amend.replacement_type();
    control.payload = amend.replacement();
    control.schema_version = amend.replacement_version();
    return control;
  }
  Dismiss dismiss;
  if (!dismiss.ParseFromString(intent.payload())) {
    return Malformed("payload", "the payload is no Dismiss");
  }
  control.kind = Control::Kind::kDismiss;
  control.of = dismiss.of();
  control.followers_too = dismiss.followers_too();
  return control;
}

// Nothing is open at that position.
Reason NotOpen(uint64_t of, const ClosedEvent* closed) {
  if (closed == nullptr) {
    return Because(Reason::NOT_OPEN, Cat("position ", of, " was never open"));
  }
  const std::string by = closed->resolver().empty() ? "" : Cat(" by ", closed->resolver());
  return Because(Reason::NOT_OPEN,
                 Cat("position ", of, " was settled already", by, ": ",
                     DecisionWord(closed->decision()), " at position ", closed->settlement()),
                 closed->settlement());
}

// Each decision has its own way to be closed. `waits_behind`: what stops its lane; where that is
// known, it says more than the event itself, whose lane may have been stopped by another since.
std::optional<Reason> CheckOpenAs(const Control& control, const OpenEvent& open,
                                  uint64_t waits_behind) {
  const uint64_t behind = waits_behind != 0 ? waits_behind : open.behind();
  const bool resolves =
      control.kind != Control::Kind::kAmend && control.kind != Control::Kind::kDismiss;
  const auto not_open = [&](const auto&... what) {
    return Because(Reason::NOT_OPEN, Cat("position ", open.position(), " ", what...), behind);
  };
  if (open.decision() == PARKED && open.behind() == 0) return not_open("waits for the schema");
  if (open.decision() == PARKED) {
    return not_open("waits behind position ", behind, ": settle that");
  }
  if (open.decision() == REJECTED && resolves) return not_open("is rejected: amend or dismiss it");
  if (open.decision() == CONFLICTED && !resolves) return not_open("is conflicted: resolve it");
  return std::nullopt;
}

std::optional<Reason> CheckPlace(const Intent& asking, const Intent& open) {
  if (asking.entity_type() != open.entity_type() || asking.entity_id() != open.entity_id()) {
    return Because(Reason::ENTITY_MISMATCH,
                   Cat("the open event is about ", open.entity_type(), "/", open.entity_id(),
                       ", the envelope says ", asking.entity_type(), "/", asking.entity_id()));
  }
  if (asking.scope() != open.scope()) {
    return Because(Reason::SCOPE_MISMATCH, Cat("the open event lives in scope ", open.scope(),
                                               ", not in ", asking.scope()));
  }
  return std::nullopt;
}

bool Clashes(const Verdict& verdict) {
  const Reason::Code code = verdict.reason.code();
  return (verdict.decision == CONFLICTED || verdict.decision == REJECTED) &&
         (code == Reason::CONCURRENT_CHANGE || code == Reason::CLOCK_UNTRUSTED);
}

Reason Stale(const Verdict& verdict) {
  Reason reason = verdict.reason;
  reason.set_code(Reason::STALE);
  reason.set_text(Cat("position ", reason.other_position(),
                      " came after what was seen; look at it and decide again"));
  return reason;
}

}  // namespace

bool IsControlType(std::string_view type) {
  return type == kResolve || type == kAmend || type == kDismiss;
}

bool IsServersType(std::string_view type) {
  return type == "intentlog.Settlement" || type == "intentlog.SchemaAdopted" ||
         type == "intentlog.Unpark";
}

std::variant<Control, Reason> ParseControl(const Intent& intent) {
  auto parsed = ParsePayload(intent);
  const auto* const control = std::get_if<Control>(&parsed);
  if (control != nullptr && control->of == 0) {
    return Malformed("of", "no position says which event is meant");
  }
  return parsed;
}

std::optional<Reason> CheckControl(const Control& control, const ControlFacts& facts) {
  if (facts.open == nullptr) return NotOpen(control.of, facts.closed);
  if (auto reason = CheckPlace(*facts.intent, *facts.open_intent)) return reason;
  if (auto reason = CheckOpenAs(control, *facts.open, facts.waits_behind)) return reason;
  const bool yours =
      facts.by_operator || Owns(facts.own_logs, facts.open->log_id(), facts.open->position());
  if (!yours &&
      (control.kind == Control::Kind::kAmend || control.kind == Control::Kind::kDismiss)) {
    return Because(Reason::NOT_YOURS, Cat("position ", control.of, " was recorded by ",
                                          facts.open->device(), ", which alone may do this"));
  }
  if (facts.base_ahead) {
    return Because(Reason::BASE_AHEAD,
                   Cat("based on position ", facts.intent->based_on().position(),
                       ", which this history does not have yet"));
  }
  // What gives it up alone changes nothing for what is before it.
  if (facts.waits_behind != 0 && !(control.closes_without_effect() && !control.followers_too)) {
    return Because(Reason::NOT_OPEN,
                   Cat("position ", control.of, " waits behind position ", facts.waits_behind,
                       ": settle that first"),
                   facts.waits_behind);
  }
  return std::nullopt;
}

Intent Replaced(const Intent& open, const Control& control, const Intent& asking) {
  Intent intent = open;
  if (!control.type.empty() && control.type != open.type()) {
    intent.set_type(control.type);
    intent.clear_schema_version();
  }
  if (control.schema_version != 0) intent.set_schema_version(control.schema_version);
  intent.set_payload(control.payload);
  intent.set_device_time_us(asking.device_time_us());
  intent.set_clock_steps(asking.clock_steps());
  return intent;
}

std::variant<Settled, Reason> SettledAs(const Control& control, const Verdict& original,
                                        const Verdict& admitted) {
  if (control.kind == Control::Kind::kDismiss) return Settled{REJECTED, false};
  if (control.kind == Control::Kind::kAmend) {
    if (admitted.decision == REJECTED || admitted.decision == PARKED) return admitted.reason;
    return Settled{admitted.decision, admitted.decision == CONFLICTED};
  }
  if (Clashes(original)) return Stale(original);
  if (control.kind == Control::Kind::kDrop) return Settled{REJECTED, false};
  if (Clashes(admitted)) return Stale(admitted);
  if (admitted.decision == REJECTED || admitted.decision == PARKED) return admitted.reason;
  return Settled{admitted.decision == CONFLICTED ? MERGED : admitted.decision, false};
}

Verdict Dropped(std::string_view resolver) {
  return Decided(REJECTED, Reason::DROPPED, "", Cat("given up by ", resolver));
}

}  // namespace intentlog
