#include "client/conflict_rows.h"

#include <algorithm>

#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr char kConflict = 'c';
constexpr char kVerdict = 'v';  // of the outbox: this device's last word on it

OpenEvent Opened(const Event& event) {
  OpenEvent open;
  open.set_position(event.position.value());
  open.set_decision(CONFLICTED);
  *open.mutable_reason() = event.header().reason();
  open.set_log_id(event.header().log_id());
  open.set_count(event.header().count());
  open.set_opened_at_us(event.header().server_time_us());
  open.set_intent(event.intent().SerializeAsString());
  return open;
}

// A parked one that turned out conflicted. The feed never showed it before, so its intent is made
// from the settlement; what it was based on, where the settlement does not say it, is what was
// there before the other came.
OpenEvent Turned(const Event& event, const Settlement& settlement) {
  Intent intent;
  intent.set_type(settlement.type());
  intent.set_entity_type(event.intent().entity_type());
  intent.set_entity_id(event.intent().entity_id());
  intent.set_scope(event.intent().scope());
  intent.set_schema_version(settlement.schema_version());
  intent.set_device_time_us(event.intent().device_time_us());
  intent.set_payload(settlement.payload());
  const uint64_t other = settlement.reason().other_position();
  if (event.intent().based_on().position() > 0) {
    *intent.mutable_based_on() = event.intent().based_on();
  } else if (other > 0) {
    intent.mutable_based_on()->set_position(other - 1);
  }
  OpenEvent open;
  open.set_position(event.header().settlement_of());
  open.set_decision(CONFLICTED);
  *open.mutable_reason() = settlement.reason();
  open.set_opened_at_us(event.header().server_time_us());
  open.set_intent(intent.SerializeAsString());
  return open;
}

absl::StatusOr<OpenEvent> Parse(std::string_view key, std::string_view value) {
  OpenEvent open;
  if (!open.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return DataLoss("the conflict at position ", PositionOf(key), " does not parse");
  }
  return open;
}

}  // namespace

absl::Status NoteConflict(const Event& event, std::vector<ConflictChange>& changes) {
  const Header& header = event.header();
  if (header.settlement_of() == 0) {
    if (header.decision() != CONFLICTED) return absl::OkStatus();
    changes.push_back({event.position, Opened(event).SerializeAsString(), false});
    return absl::OkStatus();
  }
  Settlement settlement;
  if (!settlement.ParseFromString(event.intent().payload())) {
    return DataLoss("the settlement at position ", event.position, " does not parse");
  }
  ConflictChange change;
  change.of = Position(header.settlement_of());
  change.settled = true;
  if (settlement.turned() && settlement.decision() == CONFLICTED) {
    change.row = Turned(event, settlement).SerializeAsString();
  }
  changes.push_back(std::move(change));
  return absl::OkStatus();
}

void PutConflicts(absl::Span<const ConflictChange> changes, StoreBatch& batch) {
  for (const ConflictChange& change : changes) {
    if (change.row.empty()) {
      batch.Delete(Space::kIndex, PositionKey(kConflict, change.of));
    } else {
      batch.Put(Space::kIndex, PositionKey(kConflict, change.of), change.row);
    }
    if (change.settled) batch.Delete(Space::kIndex, PositionKey(kVerdict, change.of));
  }
}

absl::StatusOr<std::vector<OpenEvent>> ReadConflicts(const Store& store) {
  std::vector<OpenEvent> conflicts;
  const auto row = store.Scan(Space::kIndex);
  for (row->Seek(PositionKey(kConflict, Position()));
       row->Valid() && row->key().substr(0, 1) == std::string_view(&kConflict, 1); row->Next()) {
    ASSIGN_OR_RETURN(OpenEvent open, Parse(row->key(), row->value()));
    conflicts.push_back(std::move(open));
  }
  RETURN_IF_ERROR(row->status());
  return conflicts;
}

absl::StatusOr<std::optional<OpenEvent>> FindConflict(const Store& store, Position position) {
  const std::string key = PositionKey(kConflict, position);
  std::string value;
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kIndex, key, &value));
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(OpenEvent open, Parse(key, value));
  return open;
}

}  // namespace intentlog
