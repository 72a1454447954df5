#include "server/admit/admit.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"

namespace intentlog {
namespace {

Verdict Decided(Decision decision, Reason::Code code, std::string_view field, std::string text) {
  Verdict verdict;
  verdict.decision = decision;
  verdict.reason.set_code(code);
  verdict.reason.set_field(field.data(), field.size());
  verdict.reason.set_text(std::move(text));
  return verdict;
}

bool ValidName(std::string_view name, size_t size_max) {
  return !name.empty() && name.size() <= size_max && name.find('\0') == std::string_view::npos;
}

bool ValidType(std::string_view name) {
  return ValidName(name, kEntityTypeSizeMax) && name.find('/') == std::string_view::npos;
}

std::optional<Verdict> CheckEnvelope(const Intent* intent) {
  if (intent == nullptr) {
    return Decided(REJECTED, Reason::MALFORMED, "", "the envelope does not parse");
  }
  const auto bad = [](std::string_view field, std::string_view what) {
    return Decided(REJECTED, Reason::MALFORMED, field, Cat("the envelope's ", field, " ", what));
  };
  if (intent->intent_id().size() != IntentId::kSize) return bad("intent_id", "is not 16 bytes");
  if (intent->type().empty()) return bad("type", "is empty");
  if (!ValidType(intent->entity_type()))
    return bad("entity_type", "is empty, too long, or no name");
  if (!ValidName(intent->entity_id(), kEntityIdSizeMax)) {
    return bad("entity_id", "is empty, too long, or no name");
  }
  if (!ValidName(intent->scope(), kScopeSizeMax)) {
    return bad("scope", "is empty, too long, or no name");
  }
  return std::nullopt;
}

std::optional<Verdict> CheckType(const AdmitInput& input) {
  const Intent& intent = *input.intent;
  // Short names serve people; what is recorded carries the full one.
  if (input.type == nullptr || input.type->name() != intent.type()) {
    return Decided(PARKED, Reason::UNKNOWN_TYPE, "",
                   Cat("type ", intent.type(), " is not in the server's schema yet"));
  }
  if (intent.schema_version() > input.type->schema_version()) {
    return Decided(PARKED, Reason::NEWER_SCHEMA, "",
                   Cat("version ", intent.schema_version(), " of ", intent.type(),
                       " is newer than the server's ", input.type->schema_version()));
  }
  return std::nullopt;
}

std::optional<Verdict> CheckPlace(const AdmitInput& input) {
  const Intent& intent = *input.intent;
  if (input.payload == nullptr) {
    return Decided(REJECTED, Reason::MALFORMED, "", Cat("the payload is no ", input.type->name()));
  }
  if (input.entity != nullptr && !input.entity->scope().empty() &&
      input.entity->scope() != intent.scope()) {
    return Decided(REJECTED, Reason::SCOPE_MISMATCH, "",
                   Cat(intent.entity_type(), "/", intent.entity_id(), " lives in scope ",
                       input.entity->scope(), ", not in ", intent.scope()));
  }
  if (input.type->entity_type() != intent.entity_type() ||
      input.type->EntityId(*input.payload) != intent.entity_id()) {
    return Decided(REJECTED, Reason::ENTITY_MISMATCH, "",
                   Cat("the payload is about ", input.type->entity_type(), "/",
                       input.type->EntityId(*input.payload), ", the envelope says ",
                       intent.entity_type(), "/", intent.entity_id()));
  }
  return std::nullopt;
}

std::optional<Verdict> CheckRules(const AdmitInput& input) {
  if (std::optional<Violation> violation = input.type->Validate(*input.payload)) {
    return Decided(REJECTED, violation->code, violation->field, std::move(violation->text));
  }
  if (input.base_ahead) {
    return Decided(REJECTED, Reason::BASE_AHEAD, "",
                   Cat("based on position ", input.intent->based_on().position(),
                       ", which this history does not have yet"));
  }
  return std::nullopt;
}

bool Owns(absl::Span<const LogId> own_logs, std::string_view log) {
  return std::any_of(own_logs.begin(), own_logs.end(),
                     [log](const LogId& own) { return own.bytes() == log; });
}

std::optional<Verdict> CheckLane(const AdmitInput& input) {
  for (const EntitySummary::OpenLane& lane : input.entity->open()) {
    if (!Owns(input.own_logs, lane.log_id())) continue;
    Verdict verdict =
        Decided(PARKED, Reason::BEHIND_OPEN, "",
                Cat("waits behind position ", lane.position(), ", which did not take effect"));
    verdict.behind = lane.position();
    verdict.reason.set_other_position(lane.position());
    return verdict;
  }
  return std::nullopt;
}

// The greatest position above `base` of an event of this type by a log that is not own; 0: none.
uint64_t ConcurrentPosition(const EntitySummary::TypeSummary& type,
                            absl::Span<const LogId> own_logs, uint64_t base) {
  for (const EntitySummary::Writer& writer : type.writers()) {
    if (writer.position() <= base) return 0;  // and all that follow
    if (!Owns(own_logs, writer.log_id())) return writer.position();
  }
  return type.older() > base ? type.older() : 0;
}

Verdict ByRule(Rule rule, const std::string& other_type, uint64_t other_position) {
  Verdict verdict;
  switch (rule) {
    case COMMUTES:
    case LAST_WRITER_WINS:
      verdict.decision = MERGED;
      return verdict;
    case FIRST_WRITER_WINS:
      verdict = Decided(REJECTED, Reason::CONCURRENT_CHANGE, "",
                        Cat(other_type, " at position ", other_position, " came first and won"));
      break;
    default:  // REVIEW; FIELDWISE and SAME_IS_DUPLICATE so far; and what nobody specified
      verdict = Decided(
          CONFLICTED, Reason::CONCURRENT_CHANGE, "",
          Cat(other_type, " at position ", other_position, " was not seen; a person decides"));
  }
  verdict.reason.set_other_position(other_position);
  return verdict;
}

Verdict CheckConcurrent(const AdmitInput& input) {
  const uint64_t base = input.base.value();
  if (input.entity->last_effective() <= base) return Verdict();
  const EntitySummary::TypeSummary* worst = nullptr;
  uint64_t worst_position = 0;
  Rule worst_rule = COMMUTES;
  for (const EntitySummary::TypeSummary& type : input.entity->types()) {
    const uint64_t position = ConcurrentPosition(type, input.own_logs, base);
    if (position == 0) continue;
    const EventType* earlier =
        type.type() == input.type->name() ? input.type : input.schema->Find(type.type());
    const Rule rule = earlier == nullptr ? REVIEW : input.schema->RuleFor(*input.type, *earlier);
    if (worst == nullptr || (Stricter(rule, worst_rule) == rule && rule != worst_rule)) {
      worst = &type;
      worst_position = position;
      worst_rule = rule;
    }
  }
  return worst == nullptr ? Verdict() : ByRule(worst_rule, worst->type(), worst_position);
}

int Strictness(Decision decision) {
  switch (decision) {
    case REJECTED:
      return 5;
    case CONFLICTED:
      return 4;
    case PARKED:
      return 3;
    case DUPLICATE:
      return 2;
    case MERGED:
      return 1;
    default:
      return 0;
  }
}

EntitySummary::TypeSummary& TypeIn(EntitySummary& summary, const std::string& name) {
  for (EntitySummary::TypeSummary& type : *summary.mutable_types()) {
    if (type.type() == name) return type;
  }
  EntitySummary::TypeSummary& type = *summary.add_types();
  type.set_type(name);
  return type;
}

// Moves the log to the front. One that falls off the end is remembered by its position alone.
void AddWriter(const LogId& log, uint64_t position, EntitySummary::TypeSummary& type) {
  auto& writers = *type.mutable_writers();
  const std::string_view id = log.bytes();
  int at = 0;
  while (at < writers.size() && writers[at].log_id() != id) ++at;
  if (at == writers.size()) {
    if (writers.size() < kWritersPerType) {
      writers.Add()->set_log_id(id.data(), id.size());
    } else {
      --at;
      type.set_older(std::max(type.older(), static_cast<uint64_t>(writers[at].position())));
      writers[at].set_log_id(id.data(), id.size());
    }
  }
  writers[at].set_position(position);
  for (; at > 0; --at) writers.SwapElements(at, at - 1);
}

bool IsOpenLane(const EntitySummary& summary, const LogId& log) {
  return std::any_of(
      summary.open().begin(), summary.open().end(),
      [&](const EntitySummary::OpenLane& lane) { return lane.log_id() == log.bytes(); });
}

}  // namespace

bool HasLane(const Intent& intent) {
  return ValidType(intent.entity_type()) && ValidName(intent.entity_id(), kEntityIdSizeMax) &&
         ValidName(intent.scope(), kScopeSizeMax);
}

Verdict Admit(const AdmitInput& input) {
  if (auto verdict = CheckEnvelope(input.intent)) return *std::move(verdict);
  if (auto verdict = CheckType(input)) return *std::move(verdict);
  if (auto verdict = CheckPlace(input)) return *std::move(verdict);
  if (auto verdict = CheckRules(input)) return *std::move(verdict);
  if (input.entity == nullptr) return Verdict();
  if (auto verdict = CheckLane(input)) return *std::move(verdict);
  return CheckConcurrent(input);
}

void DecideAsOne(absl::Span<Verdict> members) {
  const auto strictest =
      std::max_element(members.begin(), members.end(), [](const Verdict& a, const Verdict& b) {
        return Strictness(a.decision) < Strictness(b.decision);
      });
  if (strictest == members.end()) return;
  const Decision decision = strictest->decision;
  const uint64_t behind = strictest->behind;
  const int64_t index = strictest - members.begin() + 1;
  for (Verdict& member : members) {
    if (member.decision == decision) continue;
    member = Decided(decision, Reason::BATCH_MEMBER, "",
                     Cat("decided as member ", index, " of its batch"));
    if (decision == PARKED) member.behind = behind;
  }
}

void AddToSummary(const Intent& intent, Decision decision, const LogId& log, Position position,
                  EntitySummary& summary) {
  if (summary.scope().empty() && decision != REJECTED) summary.set_scope(intent.scope());
  if (decision == ACCEPTED || decision == MERGED) {
    summary.set_version(summary.version() + 1);
    summary.set_last_effective(position.value());
    EntitySummary::TypeSummary& type = TypeIn(summary, intent.type());
    AddWriter(log, position.value(), type);
    type.set_greatest_device_time_us(
        std::max<int64_t>(type.greatest_device_time_us(), intent.device_time_us()));
    return;
  }
  if (decision == DUPLICATE || IsOpenLane(summary, log)) return;
  EntitySummary::OpenLane& lane = *summary.add_open();
  lane.set_log_id(log.bytes().data(), log.bytes().size());
  lane.set_position(position.value());
}

}  // namespace intentlog
