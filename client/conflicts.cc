// The conflicts that wait for a person, side by side.
#include <map>
#include <utility>

#include "client/client_rep.h"
#include "client/conflict_rows.h"
#include "client/decide.h"
#include "client/feed_blocks.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/rows.h"
#include "eventlog/log/conflict_case.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

using Opens = std::map<Position, OpenEvent>;
using Own = std::map<Position, LogPlace>;

// Own ones that are conflicted. Their receipts may have come before the feed tells of them.
absl::StatusOr<Own> OwnConflicts(const Device& device) {
  Own own;
  const auto row = device.store->Scan(Space::kIndex);
  for (row->Seek("o"); row->Valid() && row->key().substr(0, 1) == "o"; row->Next()) {
    const auto open = ParseOpenIntent(row->value());
    if (!open) return DataLoss("an open intent does not parse");
    if (open->decision == CONFLICTED) own[PositionOf(row->key())] = open->place;
  }
  RETURN_IF_ERROR(row->status());
  return own;
}

// Fills in what this device knows of an own one besides what the feed told.
absl::Status AddOwn(const Device& device, Position position, const LogPlace& place, Opens& opens) {
  IntentReader reader(*device.store, place.priority);
  ASSIGN_OR_RETURN(const std::string_view bytes, reader.Get(place.count));
  OpenEvent& open = opens[position];
  open.set_count(place.count.value());
  if (open.intent().empty()) {
    ASSIGN_OR_RETURN(const auto outcome, OutcomeOf(*device.store, place.priority, place.count));
    open.set_position(position.value());
    open.set_decision(CONFLICTED);
    if (outcome) *open.mutable_reason() = outcome->reason;
    open.set_intent(std::string(bytes));
    return absl::OkStatus();
  }
  Intent recorded;
  Intent told;
  if (!recorded.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !told.ParseFromString(open.intent())) {
    return DataLoss("the conflict at position ", position, " does not parse");
  }
  if (!told.intent_id().empty()) return absl::OkStatus();
  told.set_intent_id(recorded.intent_id());
  told.set_device_time_us(recorded.device_time_us());
  open.set_intent(told.SerializeAsString());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ConflictCase>> MakeCases(const Device& device, const Opens& opens) {
  ConflictCaseMaker maker(device.schema);
  for (const auto& [position, open] : opens) RETURN_IF_ERROR(maker.Want(open));
  const auto see = [&](const BlockView& block, size_t /*bytes*/) -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(maker.See(block));
    return block.last() < maker.through();
  };
  if (maker.through() > Position()) {
    for (const auto& [scope, cursor] : device.cursors->All()) {
      RETURN_IF_ERROR(ForEachFeedBlock(*device.store, scope, Position(1), see));
    }
  }
  return maker.Take();
}

Conflict::Side ToSide(const ConflictSide& side, const DeviceLogs& logs) {
  Conflict::Side made;
  made.position = side.position;
  made.type = side.type;
  made.payload = side.payload;
  made.own = logs.IsOwn(side.log.bytes(), side.count.value());
  made.at = absl::FromUnixMicros(side.server_time_us);
  return made;
}

Conflict ToConflict(ConflictCase one, bool own, const DeviceLogs& logs) {
  Conflict conflict;
  const Reason& reason = one.open.reason();
  conflict.position = conflict.mine.position = Position(one.open.position());
  conflict.entity = {one.mine.entity_type(), one.mine.entity_id()};
  conflict.scope = one.mine.scope();
  conflict.intent_id = IntentId::FromBytes(one.mine.intent_id());
  conflict.mine.type = one.mine.type();
  conflict.mine.payload = one.mine.payload();
  conflict.mine.own = own;
  if (one.open.opened_at_us() > 0) {
    conflict.since = conflict.mine.at = absl::FromUnixMicros(one.open.opened_at_us());
  }
  if (one.theirs) conflict.theirs = ToSide(*one.theirs, logs);
  if (one.base) conflict.base = ToSide(*one.base, logs);
  conflict.fields.assign(reason.fields().begin(), reason.fields().end());
  if (conflict.fields.empty() && !reason.field().empty()) conflict.fields = {reason.field()};
  conflict.rule = reason.rule();
  conflict.reason = reason;
  return conflict;
}

}  // namespace

absl::StatusOr<Conflict> Client::ConflictAt(Position position) const {
  RETURN_IF_ERROR(rep_->FindConflicted(position).status());
  ASSIGN_OR_RETURN(std::vector<Conflict> conflicts, Conflicts());
  for (Conflict& one : conflicts) {
    if (one.position == position) return std::move(one);
  }
  return NotFound("the conflict at position ", position, " was settled just now");
}

absl::StatusOr<std::vector<Conflict>> Client::Conflicts() const {
  const Device& device = *rep_->device;
  Opens opens;
  ASSIGN_OR_RETURN(const std::vector<OpenEvent> told, ReadConflicts(*device.store));
  ASSIGN_OR_RETURN(const Own own, OwnConflicts(device));
  for (const OpenEvent& open : told) opens[Position(open.position())] = open;
  for (const auto& [position, place] : own) {
    RETURN_IF_ERROR(AddOwn(device, position, place, opens));
  }
  ASSIGN_OR_RETURN(std::vector<ConflictCase> cases, MakeCases(device, opens));
  std::vector<Conflict> conflicts;
  for (ConflictCase& one : cases) {
    const Position position(one.open.position());
    conflicts.push_back(ToConflict(std::move(one), own.count(position) > 0, *device.logs));
    ASSIGN_OR_RETURN(conflicts.back().said, SaidOf(*device.store, position));
  }
  return conflicts;
}

}  // namespace intentlog
