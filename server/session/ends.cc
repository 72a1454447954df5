#include "server/session/ends.h"

#include <optional>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/store.pb.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

template <class Row>
absl::StatusOr<std::optional<Row>> RowAt(const EventLog& log, const std::string& key) {
  ASSIGN_OR_RETURN(const std::optional<std::string> bytes, log.GetIndex(key));
  if (!bytes) return std::nullopt;
  std::optional<Row> row(std::in_place);
  if (!row->ParseFromString(*bytes)) return DataLoss("the row of an open event does not parse");
  return row;
}

absl::StatusOr<Settlement> SettlementAt(const EventLog& log, Position position) {
  const auto reader = log.Read(position);
  ASSIGN_OR_RETURN(const bool found, reader->Next());
  const BlockView& block = reader->block();
  if (!found || block.first() > position || block.last() < position) {
    return DataLoss("there is no settlement at position ", position);
  }
  const EventRef event = block.event(position.value() - block.first().value());
  Intent intent;
  Settlement settlement;
  if (!intent.ParseFromArray(event.intent.data(), static_cast<int>(event.intent.size())) ||
      !settlement.ParseFromString(intent.payload())) {
    return DataLoss("the settlement at position ", position, " does not parse");
  }
  return settlement;
}

}  // namespace

absl::StatusOr<Ends> EndsOf(const EventLog& log, const Inquiry& inquiry,
                            absl::FunctionRef<bool(std::string_view, uint64_t)> is_own) {
  Ends ends;
  for (const Inquiry::Open& one : inquiry.open()) {
    Ends::End end;
    end.set_of(one.position());
    ASSIGN_OR_RETURN(auto closed, RowAt<ClosedEvent>(log, ClosedKey(one.position())));
    if (closed) {
      ASSIGN_OR_RETURN(Settlement settlement, SettlementAt(log, Position(closed->settlement())));
      if (!is_own(settlement.open_log_id(), one.position())) continue;
      end.set_settlement(closed->settlement());
      end.set_decision(closed->decision());
      *end.mutable_reason() = std::move(*settlement.mutable_reason());
      end.set_resolved(!settlement.resolved_by().empty());
    } else {
      ASSIGN_OR_RETURN(auto open, RowAt<OpenEvent>(log, OpenKey(one.position())));
      if (!open || !is_own(open->log_id(), one.position())) continue;
      if (open->decision() == one.decision()) continue;
      end.set_decision(open->decision());
      *end.mutable_reason() = std::move(*open->mutable_reason());
    }
    *ends.add_ends() = std::move(end);
  }
  return ends;
}

}  // namespace intentlog
