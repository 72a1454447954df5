// How people close what is open: each decision is an intent on the lane of what it closes.
#include "client/decide.h"

#include <utility>

#include "client/client_rep.h"
#include "client/conflict_rows.h"
#include "client/feed_blocks.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/intent.h"

namespace intentlog {
namespace {

// The settlement of `of` in the feed that the device keeps: "at position 9 by till-2".
absl::StatusOr<std::string> SettledWhere(const Device& device, Position of) {
  std::string where;
  const auto look = [&](const BlockView& block, size_t /*bytes*/) -> absl::StatusOr<bool> {
    Header header;
    Intent intent;
    Settlement settlement;
    for (size_t i = 0; i < block.size(); ++i) {
      const EventRef event = block.event(i);
      if (!header.ParseFromArray(event.header.data(), static_cast<int>(event.header.size())) ||
          header.settlement_of() != of.value()) {
        continue;
      }
      if (!intent.ParseFromArray(event.intent.data(), static_cast<int>(event.intent.size())) ||
          !settlement.ParseFromString(intent.payload())) {
        return DataLoss("the settlement at position ", event.position, " does not parse");
      }
      where = Cat("at position ", event.position);
      if (!settlement.resolver().empty()) where += Cat(" by ", settlement.resolver());
    }
    return true;  // the last one counts: what was turned is settled later
  };
  for (const auto& [scope, cursor] : device.cursors->All()) {
    RETURN_IF_ERROR(ForEachFeedBlock(*device.store, scope, of.Next(), look));
  }
  return where;
}

absl::Status WrongState(std::string_view verb, const IntentId& id,
                        const std::optional<IntentOutcome>& outcome) {
  const std::string name = Cat("intent ", ToText(id), " can not be ", verb, ": ");
  if (!outcome) return FailedPrecondition(name, "the server has not decided on it yet");
  const std::string at = Cat(" at position ", outcome->position);
  switch (outcome->decision) {
    case CONFLICTED:
      return FailedPrecondition(name, "it is conflicted", at, "; resolve that");
    case PARKED:
      return FailedPrecondition(name, "it waits", at, " behind position ", outcome->pointer,
                                "; settle that");
    case REJECTED:
      return FailedPrecondition(name, "it was given up already, by the settlement at position ",
                                outcome->settled_at);
    default:
      return FailedPrecondition(name, "it is synced", at,
                                "; record what is to be changed as a new event");
  }
}

}  // namespace

absl::StatusOr<std::optional<Conflict::Said>> SaidOf(const Store& store, Position position) {
  std::string value;
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kIndex, PositionKey('v', position), &value));
  if (!found) return std::nullopt;
  const auto place = ParsePlace(value);
  if (!place) return DataLoss("the decision on position ", position, " does not parse");
  IntentReader reader(store, place->priority);
  ASSIGN_OR_RETURN(const std::string_view bytes, reader.Get(place->count));
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(bytes, &view));
  Conflict::Said said;
  said.intent_id = IntentId::FromBytes(view.intent_id);
  ASSIGN_OR_RETURN(const auto outcome, OutcomeOf(store, place->priority, place->count));
  if (outcome && outcome->decision == REJECTED) {
    said.refused = true;
    said.reason = outcome->reason;
  }
  return said;
}

absl::StatusOr<Client::Rep::Stopper> Client::Rep::FindConflicted(Position position) const {
  ASSIGN_OR_RETURN(const auto told, FindConflict(*device->store, position));
  std::string bytes;
  if (told) {
    bytes = told->intent();
  } else {
    std::string row;
    ASSIGN_OR_RETURN(const bool own,
                     device->store->Get(Space::kIndex, PositionKey('o', position), &row));
    const auto open = own ? ParseOpenIntent(row) : std::nullopt;
    if (!open || open->decision != CONFLICTED) return NoConflict(position);
    IntentReader reader(*device->store, open->place.priority);
    ASSIGN_OR_RETURN(const std::string_view intent, reader.Get(open->place.count));
    bytes = std::string(intent);
  }
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(bytes, &view));
  return Stopper{position,
                 {std::string(view.entity_type), std::string(view.entity_id)},
                 std::string(view.scope)};
}

// What is so instead.
absl::Status Client::Rep::NoConflict(Position position) const {
  if (position == Position()) return Invalid("a conflict is named by its position, 1 or higher");
  std::string row;
  ASSIGN_OR_RETURN(const bool own,
                   device->store->Get(Space::kIndex, PositionKey('o', position), &row));
  const auto open = own ? ParseOpenIntent(row) : std::nullopt;
  if (open && open->decision == REJECTED) {
    return FailedPrecondition("position ", position,
                              " is rejected, not conflicted: amend or dismiss it");
  }
  if (open && open->decision == PARKED) {
    return FailedPrecondition("position ", position,
                              " waits behind another that is not settled: settle that");
  }
  Position has;
  for (const auto& [scope, cursor] : device->cursors->All()) has = std::max(has, cursor.position);
  if (position > has) {
    return NotFound("nothing is known of position ", position,
                    " here: this device has the feed through ", has, "; sync first");
  }
  ASSIGN_OR_RETURN(const std::string where, SettledWhere(*device, position));
  if (where.empty()) {
    return NotFound("there is no conflict at position ", position, " in the scopes of this device");
  }
  return FailedPrecondition("position ", position, " is settled already, ", where);
}

absl::StatusOr<Client::Rep::Stopper> Client::Rep::FindRejected(const IntentId& intent,
                                                               std::string_view verb) const {
  ASSIGN_OR_RETURN(const LogPlace place, device->outbox->Find(intent));
  IntentReader reader(*device->store, place.priority);
  ASSIGN_OR_RETURN(const std::string_view bytes, reader.Get(place.count));
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(bytes, &view));
  if (IsControl(view.type)) {
    return FailedPrecondition("intent ", ToText(intent), " can not be ", verb,
                              ": it is a decision, not a record");
  }
  ASSIGN_OR_RETURN(const auto outcome, OutcomeOf(*device->store, place.priority, place.count));
  if (!outcome || outcome->decision != REJECTED || !outcome->open()) {
    return WrongState(verb, intent, outcome);
  }
  return Stopper{outcome->position,
                 {std::string(view.entity_type), std::string(view.entity_id)},
                 std::string(view.scope)};
}

// FAILED_PRECONDITION if a decision of this device is on its way.
absl::Status Client::Rep::CheckUnsaid(const Stopper& stopper) const {
  ASSIGN_OR_RETURN(const auto said, SaidOf(*device->store, stopper.position));
  if (!said || said->refused) return absl::OkStatus();
  return FailedPrecondition("a decision on position ", stopper.position,
                            " is on its way already: intent ", ToText(said->intent_id));
}

absl::Status Client::Rep::CheckReplacement(const Stopper& stopper,
                                           const google::protobuf::Message& replacement) const {
  const std::string& name = replacement.GetDescriptor()->full_name();
  const EventType* type = options.schema->Find(name);
  if (type == nullptr || type->descriptor() != replacement.GetDescriptor()) {
    return Invalid(name, " is no event type of this schema");
  }
  if (type->entity_type() != stopper.entity.type) {
    return Invalid("position ", stopper.position, " is about ", ToText(stopper.entity), "; a ",
                   name, " can not stand in for it, because it is about a ", type->entity_type());
  }
  if (const auto violation = type->Validate(replacement)) return ToStatus(*violation);
  if (type->IsAbout(replacement, stopper.entity.id)) return absl::OkStatus();
  return Invalid("position ", stopper.position, " is about ", ToText(stopper.entity),
                 "; the replacement is about ", type->entity_type(), "/",
                 type->EntityId(replacement));
}

uint32_t Client::Rep::VersionOf(const google::protobuf::Message& event) const {
  const EventType* const type = options.schema->Find(event.GetDescriptor()->full_name());
  return type == nullptr ? 0 : type->schema_version();
}

Intent Client::Rep::MakeControl(const Stopper& stopper, const google::protobuf::Message& control,
                                const IntentId& id) {
  Intent intent;
  intent.set_intent_id(std::string(id.bytes()));
  intent.set_type(control.GetDescriptor()->full_name());
  intent.set_entity_type(stopper.entity.type);
  intent.set_entity_id(stopper.entity.id);
  intent.set_scope(stopper.scope);
  intent.set_schema_version(1);
  const auto cursor = device->cursors->Find(stopper.scope);
  if (cursor && !cursor->epoch.nil()) {
    intent.mutable_based_on()->set_epoch_id(std::string(cursor->epoch.bytes()));
    intent.mutable_based_on()->set_position(cursor->position.value());
  }
  intent.set_device_time_us(options.runtime.clock->WallMicros());
  intent.set_hlc(hlc.Now());
  control.SerializeToString(intent.mutable_payload());
  return intent;
}

// A retry with the id of a decision that was recorded. ALREADY_EXISTS if that was another one.
absl::StatusOr<std::optional<Appended>> Client::Rep::FindRepeated(
    const google::protobuf::Message& control, const DecideOptions& decide) const {
  if (decide.intent_id.nil()) return std::nullopt;
  const auto place = device->outbox->Find(decide.intent_id);
  if (absl::IsNotFound(place.status())) return std::nullopt;
  RETURN_IF_ERROR(place.status());
  IntentReader reader(*device->store, place->priority);
  ASSIGN_OR_RETURN(const std::string_view bytes, reader.Get(place->count));
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(bytes, &view));
  if (view.type == control.GetDescriptor()->full_name() &&
      view.payload == control.SerializeAsString()) {
    return Appended{decide.intent_id, place->count, place->priority, true};
  }
  return StatusOf(absl::StatusCode::kAlreadyExists, "intent_id ", ToText(decide.intent_id),
                  " was recorded before, at count ", place->count,
                  ", with other content; use a new id");
}

absl::StatusOr<Appended> Client::Rep::Record(const Stopper& stopper,
                                             const google::protobuf::Message& control,
                                             const DecideOptions& decide) {
  RETURN_IF_ERROR(CheckUnsaid(stopper));
  EncodedIntent encoded;
  encoded.id = decide.intent_id;
  encoded.id_given = !encoded.id.nil();
  if (!encoded.id_given) {
    const std::lock_guard<std::mutex> lock(random_mutex);
    encoded.id = ids.Make();
  }
  const Intent intent = MakeControl(stopper, control, encoded.id);
  if (const auto violation = CheckEnvelope(intent)) return ToStatus(*violation);
  encoded.entity = stopper.entity;
  encoded.closes = stopper.position;
  encoded.bytes = intent.SerializeAsString();
  ASSIGN_OR_RETURN(const PriorityClass priority, ClassFor({&encoded, 1}));
  ASSIGN_OR_RETURN(const AppendResult done, Write({&encoded, 1}, priority, Durability::kDurable));
  return Appended{encoded.id, done.first, priority, done.repeated};
}

absl::StatusOr<Appended> Client::Resolve(Position conflict, Verdict verdict,
                                         const DecideOptions& options) {
  const bool replaces = verdict == Verdict::kReplace;
  if (replaces != (options.replacement != nullptr)) {
    return Invalid(replaces ? "a replacement is needed" : "only a replace takes a replacement");
  }
  if (options.followers_too && verdict != Verdict::kDrop) {
    return Invalid("only what is dropped takes its followers along");
  }
  ::intentlog::Resolve control;
  control.set_of(conflict.value());
  control.set_verdict(replaces                    ? ::intentlog::Resolve::REPLACE
                      : verdict == Verdict::kDrop ? ::intentlog::Resolve::DROP
                                                  : ::intentlog::Resolve::APPLY);
  control.set_followers_too(options.followers_too);
  if (replaces) {
    control.set_replacement_type(options.replacement->GetDescriptor()->full_name());
    control.set_replacement(options.replacement->SerializeAsString());
    control.set_replacement_version(rep_->VersionOf(*options.replacement));
  }
  ASSIGN_OR_RETURN(const auto repeated, rep_->FindRepeated(control, options));
  if (repeated) return *repeated;
  ASSIGN_OR_RETURN(const Rep::Stopper stopper, rep_->FindConflicted(conflict));
  if (replaces) RETURN_IF_ERROR(rep_->CheckReplacement(stopper, *options.replacement));
  return rep_->Record(stopper, control, options);
}

absl::StatusOr<Appended> Client::Amend(const IntentId& intent,
                                       const google::protobuf::Message& event,
                                       const DecideOptions& options) {
  ::intentlog::Amend control;
  control.set_replacement_type(event.GetDescriptor()->full_name());
  control.set_replacement(event.SerializeAsString());
  control.set_replacement_version(rep_->VersionOf(event));
  ASSIGN_OR_RETURN(const RecordedIntent recorded, Find(intent));
  control.set_of(recorded.position.value());
  ASSIGN_OR_RETURN(const auto repeated, rep_->FindRepeated(control, options));
  if (repeated) return *repeated;
  ASSIGN_OR_RETURN(const Rep::Stopper stopper, rep_->FindRejected(intent, "amended"));
  RETURN_IF_ERROR(rep_->CheckReplacement(stopper, event));
  return rep_->Record(stopper, control, options);
}

absl::StatusOr<Appended> Client::Dismiss(const IntentId& intent, const DecideOptions& options) {
  ::intentlog::Dismiss control;
  ASSIGN_OR_RETURN(const RecordedIntent recorded, Find(intent));
  control.set_of(recorded.position.value());
  control.set_followers_too(options.followers_too);
  ASSIGN_OR_RETURN(const auto repeated, rep_->FindRepeated(control, options));
  if (repeated) return *repeated;
  ASSIGN_OR_RETURN(const Rep::Stopper stopper, rep_->FindRejected(intent, "dismissed"));
  return rep_->Record(stopper, control, options);
}

}  // namespace intentlog
