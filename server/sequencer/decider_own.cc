// What the server itself writes: an operator's intents, and the schemas that it takes on.
#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/admit/admit.h"
#include "server/admit/settle.h"
#include "server/sequencer/decider.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {

// ---- an operator's intents

absl::Status Decider::CompleteOwn(const Intent& asked, Intent& intent) {
  ASSIGN_OR_RETURN(intent, settler_.OwnIntent(asked.type()));
  intent.set_payload(asked.payload());
  intent.set_entity_type(asked.entity_type());
  intent.set_entity_id(asked.entity_id());
  intent.set_scope(asked.scope());
  intent.set_device_time_us(ahead_.now_us());
  *intent.mutable_based_on() = asked.based_on();
  if (!asked.has_based_on()) {
    intent.mutable_based_on()->set_epoch_id(log_.epochs().back().id());
    intent.mutable_based_on()->set_position(ahead_.seen_max().value());
  }
  if (!asked.entity_type().empty()) return absl::OkStatus();
  const auto control = ParseControl(intent);
  if (!std::holds_alternative<Control>(control)) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::optional<OpenEvent> open, lanes_.Find(std::get<Control>(control).of));
  if (!open) return absl::OkStatus();
  ASSIGN_OR_RETURN(const OpenMember member, MemberOf(*std::move(open)));
  intent.set_entity_type(member.intent.entity_type());
  intent.set_entity_id(member.intent.entity_id());
  intent.set_scope(member.intent.scope());
  return absl::OkStatus();
}

absl::StatusOr<OwnReceipt> Decider::DecideOwn(const Intent& asked, std::string_view resolver) {
  if (asked.type() == kUnparkType) return WriteUnpark(asked);
  INTENTLOG_CHECK(IsControlType(asked.type()));
  Member member;
  RETURN_IF_ERROR(CompleteOwn(asked, *member.intent));
  const std::string bytes = member.intent->SerializeAsString();
  member.bytes = bytes;
  if (HasLane(*member.intent)) {
    ASSIGN_OR_RETURN(member.entity,
                     ahead_.Entity(member.intent->entity_type(), member.intent->entity_id()));
  }
  const LogId own_log = settler_.own_log();
  const OwnLog own(own_log);
  Settler::Asked facts;
  facts.intent = member.intent.get();
  facts.own_logs = absl::MakeConstSpan(&own, 1);
  facts.resolver = resolver;
  facts.by_operator = true;
  facts.clock.emplace();  // the server's own clock is right by definition
  ASSIGN_OR_RETURN(const Verdict verdict, settler_.Plan(facts));
  ASSIGN_OR_RETURN(LogAhead::LogState* const state, ahead_.StateOf(own_log));
  OwnReceipt receipt;
  receipt.position = Append(nullptr, member, verdict, false, 0, true, *state);
  receipt.decision = verdict.decision;
  receipt.reason = verdict.reason;
  RETURN_IF_ERROR(settler_.CarryOut());
  return receipt;
}

// Has no lane, and needs no admission: whatever it says of a row that is not parked has no effect.
absl::StatusOr<OwnReceipt> Decider::WriteUnpark(const Intent& asked) {
  ASSIGN_OR_RETURN(Intent intent, settler_.OwnIntent(asked.type()));
  intent.set_payload(asked.payload());
  intent.set_scope(asked.scope());
  ASSIGN_OR_RETURN(LogAhead::LogState* const state, ahead_.StateOf(settler_.own_log()));
  header_.Clear();
  header_.set_decision(ACCEPTED);
  CountDecision(ACCEPTED);
  OwnReceipt receipt;
  receipt.position =
      ahead_.Append(header_, intent.SerializeAsString(), intent.scope(), *state, true);
  receipt.decision = ACCEPTED;
  return receipt;
}

// ---- schemas

absl::Status Decider::LoadSchema() {
  ASSIGN_OR_RETURN(const std::optional<AdoptedSchema> row,
                   ahead_.index().GetRow<AdoptedSchema>(SchemaKey()));
  adopted_ = row.value_or(AdoptedSchema());
  ahead_.set_rule_set(adopted_.number());
  adoption_due_ = !row || row->digest() != admitter_.schema().digest();
  return absl::OkStatus();
}

absl::Status Decider::Adopt(std::shared_ptr<const Schema> schema) {
  const bool changes = schema->digest() != adopted_.digest();
  RETURN_IF_ERROR(admitter_.Adopt(std::move(schema)));
  adoption_due_ = changes;
  return absl::OkStatus();
}

// The schema that a log begins with has number 0 and no event; each later one has both.
absl::Status Decider::WriteAdoption() {
  adoption_due_ = false;
  const Schema& schema = admitter_.schema();
  const bool first = adopted_.digest().empty();
  adopted_.set_digest(schema.digest());
  if (!first) {
    adopted_.set_number(adopted_.number() + 1);
    SchemaAdopted payload;
    payload.set_number(adopted_.number());
    payload.set_descriptor_set(schema.DescriptorSet());
    payload.set_sha256(schema.digest());
    ASSIGN_OR_RETURN(Intent intent, settler_.OwnIntent("intentlog.SchemaAdopted"));
    intent.set_payload(payload.SerializeAsString());
    ahead_.set_rule_set(adopted_.number());
    ASSIGN_OR_RETURN(LogAhead::LogState* const state, ahead_.StateOf(settler_.own_log()));
    header_.Clear();  // no decision: nobody asked, and no device sees it
    const Position position = ahead_.Append(header_, intent.SerializeAsString(), "", *state, true);
    adopted_.set_position(position.value());
    lanes_.ReleaseSchemaWaiting();
  }
  ahead_.index().Put(SchemaKey(), adopted_.SerializeAsString());
  return absl::OkStatus();
}

}  // namespace intentlog
