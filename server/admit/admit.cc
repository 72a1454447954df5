#include "server/admit/admit.h"

#include <optional>
#include <string>
#include <utility>

#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "server/admit/concurrent.h"
#include "server/admit/decided.h"
#include "server/admit/duplicate_key.h"
#include "server/admit/unseen.h"

namespace intentlog {
namespace {

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
    return Decided(Planted(Bug::kUnknownTypeRejected) ? REJECTED : PARKED, Reason::UNKNOWN_TYPE, "",
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
  if (input.unreadable != nullptr) {
    return Decided(REJECTED, input.unreadable->code, input.unreadable->field,
                   input.unreadable->text);
  }
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
  // A former version was validated by its own rules when it was read.
  const bool former = input.type->IsFormer(input.intent->schema_version());
  auto violation = former ? std::nullopt : input.type->Validate(*input.payload);
  if (violation) {
    return Decided(REJECTED, violation->code, violation->field, std::move(violation->text));
  }
  if (input.base_ahead) {
    return Decided(REJECTED, Reason::BASE_AHEAD, "",
                   Cat("based on position ", input.intent->based_on().position(),
                       ", which this history does not have yet"));
  }
  return std::nullopt;
}

std::optional<Verdict> CheckLane(const AdmitInput& input) {
  if (input.entity == nullptr) return std::nullopt;
  for (const EntitySummary::OpenLane& lane : input.entity->open()) {
    if (!Owns(input.own_logs, lane.log_id(), lane.position())) continue;
    Verdict verdict =
        Decided(PARKED, Reason::BEHIND_OPEN, "",
                Cat("waits behind position ", lane.position(), ", which did not take effect"));
    verdict.behind = lane.position();
    verdict.reason.set_other_position(lane.position());
    return verdict;
  }
  return std::nullopt;
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
  if (auto verdict = CheckLane(input)) return *std::move(verdict);
  if (auto verdict = CheckDuplicateKey(input)) return *std::move(verdict);
  if (input.entity == nullptr) return Verdict();
  if (auto verdict = CheckSame(input)) return *std::move(verdict);
  return CheckConcurrent(input);
}

}  // namespace intentlog
