#include "server/sequencer/open_lanes.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

bool OwnsLane(const OpenMember& member, const EntitySummary::OpenLane& lane) {
  return Owns(member.own_logs, lane.log_id(), lane.position());
}

bool WaitsForSchema(const OpenEvent& row) {
  const Reason::Code code = row.reason().code();
  return row.decision() == PARKED && (code == Reason::UNKNOWN_TYPE || code == Reason::NEWER_SCHEMA);
}

// Behind the first with its duplicate key: there a rule asked, in a lane none does.
bool AwaitsFirst(const OpenEvent& row) {
  return row.decision() == PARKED && row.reason().code() == Reason::BEHIND_OPEN &&
         row.reason().rule() != RULE_UNSPECIFIED;
}

bool RemoveOpen(EntitySummary& summary, const LogId& log, uint64_t position) {
  auto& open = *summary.mutable_open();
  const auto found = std::find_if(open.begin(), open.end(), [&](const auto& lane) {
    return lane.position() == position && lane.log_id() == log.bytes();
  });
  if (found == open.end()) return false;
  open.erase(found);
  return true;
}

void AddOpen(EntitySummary& summary, const LogId& log, uint64_t position) {
  EntitySummary::OpenLane& lane = *summary.add_open();
  lane.set_log_id(log.bytes().data(), LogId::kSize);
  lane.set_position(position);
}

bool IsOpen(const EntitySummary& summary, const LogId& log) {
  return std::any_of(summary.open().begin(), summary.open().end(),
                     [&](const auto& lane) { return lane.log_id() == log.bytes(); });
}

}  // namespace

ClockFacts FactsOf(const SeenClock& clock, bool known, int64_t server_now_us) {
  ClockFacts facts;
  facts.known = known;
  facts.skew_before_us = clock.skew_before_us();
  facts.skew_after_us = clock.skew_after_us();
  facts.steps_before = clock.steps_before();
  facts.steps_after = clock.steps_after();
  facts.server_now_us = server_now_us;
  return facts;
}

absl::StatusOr<OpenMember> MemberOf(OpenEvent row) {
  OpenMember member;
  member.row = std::move(row);
  member.own_logs.push_back(LogId::FromBytes(member.row.log_id()));
  for (int l = 0; l < member.row.continues_size(); ++l) {
    const bool bounded = l < member.row.continues_through_size();
    member.own_logs.emplace_back(LogId::FromBytes(member.row.continues(l)),
                                 bounded ? member.row.continues_through(l) : UINT64_MAX);
  }
  if (member.intent.ParseFromString(member.row.intent())) return member;
  return DataLoss("the row of the open event at position ", member.row.position(),
                  " holds no intent; restore the store from a backup");
}

absl::Status OpenLanes::Load() {
  ASSIGN_OR_RETURN(has_readmissions_, AnyRow(std::string(kAgainPrefix)));
  return absl::OkStatus();
}

absl::StatusOr<bool> OpenLanes::AnyRow(const std::string& prefix) const {
  ASSIGN_OR_RETURN(const auto rows, ahead_.index().Scan(prefix, prefix, 1));
  return !rows.empty();
}

// ---- reading

absl::StatusOr<std::optional<OpenEvent>> OpenLanes::Find(uint64_t position) const {
  return ahead_.index().GetRow<OpenEvent>(OpenKey(position));
}

absl::StatusOr<std::vector<OpenMember>> OpenLanes::BatchOf(const OpenEvent& open) {
  std::vector<OpenMember> members;
  const uint64_t first = open.batch_first();
  for (uint64_t position = first; position < first + open.batch_size(); ++position) {
    ASSIGN_OR_RETURN(std::optional<OpenEvent> row, Find(position));
    if (!row) continue;
    ASSIGN_OR_RETURN(OpenMember member, MemberOf(*std::move(row)));
    ASSIGN_OR_RETURN(member.entity,
                     ahead_.Entity(member.intent.entity_type(), member.intent.entity_id()));
    members.push_back(std::move(member));
  }
  return members;
}

absl::StatusOr<uint64_t> OpenLanes::WaitsBehind(absl::Span<const OpenMember> batch) const {
  for (const OpenMember& member : batch) {
    const uint64_t first = member.row.batch_first();
    for (const EntitySummary::OpenLane& lane : member.entity->summary.open()) {
      const bool within =
          lane.position() >= first && lane.position() < first + member.row.batch_size();
      if (within || !OwnsLane(member, lane)) continue;
      const std::string name = LaneName(LogId::FromBytes(lane.log_id()), member.entity->key);
      ASSIGN_OR_RETURN(const auto row, ahead_.index().Get(LaneKey(name, member.position())));
      if (row) return lane.position();
    }
  }
  return 0;
}

// ---- changing

void OpenLanes::Attach(OpenMember& member) {
  CachedEntity& entity = *member.entity;
  const OpenEvent& row = member.row;
  IndexAhead& index = ahead_.index();
  const auto& open = entity.summary.open();
  const auto lane = std::find_if(open.begin(), open.end(),
                                 [&](const auto& one) { return OwnsLane(member, one); });
  if (lane == open.end()) {
    AddOpen(entity.summary, member.log(), row.position());
  } else {
    const std::string name = LaneName(LogId::FromBytes(lane->log_id()), entity.key);
    index.Put(LaneKey(name, row.position()), "");
  }
  ahead_.Touch(entity);
  index.Put(OpenKey(row.position()), row.SerializeAsString());
  if (WaitsForSchema(row)) index.Put(SchemaWaitKey(row.position()), "");
  if (AwaitsFirst(row)) index.Put(AwaitKey(row.behind(), row.position()), "");
}

absl::Status OpenLanes::Detach(OpenMember& member) {
  const OpenEvent& row = member.row;
  IndexAhead& index = ahead_.index();
  for (const OwnLog& own : member.own_logs) {
    if (RemoveOpen(member.entity->summary, own.id, row.position())) ahead_.Touch(*member.entity);
    const std::string key = LaneKey(LaneName(own.id, member.entity->key), row.position());
    ASSIGN_OR_RETURN(const auto waits, index.Get(key));
    if (waits) index.Delete(key);
  }
  if (WaitsForSchema(row)) index.Delete(SchemaWaitKey(row.position()));
  if (AwaitsFirst(row)) index.Delete(AwaitKey(row.behind(), row.position()));
  return absl::OkStatus();
}

void OpenLanes::Close(const OpenMember& member, const ClosedEvent& closed) {
  ahead_.index().Delete(OpenKey(member.position()));
  ahead_.index().Put(ClosedKey(member.position()), closed.SerializeAsString());
}

void OpenLanes::PutReadmission(std::string key, const Readmission& how) {
  ahead_.index().Put(std::move(key), how.SerializeAsString());
  has_readmissions_ = true;
  added_ = true;
}

absl::Status OpenLanes::Release(absl::Span<const OpenMember> batch, const Readmission& how) {
  if (Planted(Bug::kReleaseForgotten)) return absl::OkStatus();
  for (const OpenMember& member : batch) {
    for (const OwnLog& own : member.own_logs) {
      if (IsOpen(member.entity->summary, own.id)) continue;
      const std::string lane = LaneName(own.id, member.entity->key);
      ASSIGN_OR_RETURN(const bool waits, AnyRow(LanePrefix(lane)));
      if (!waits) continue;
      ASSIGN_OR_RETURN(const auto going_on, ahead_.index().Get(LaneAgainKey(lane)));
      if (going_on) continue;
      Readmission row = how;
      row.set_closed(member.position());
      INTENTLOG_MARK("open lanes: what waited is admitted again");
      PutReadmission(LaneAgainKey(lane), row);
      StopUntilItsTurn(*member.entity, own.id, member.position());
    }
  }
  return absl::OkStatus();
}

absl::Status OpenLanes::ReleaseAwaiting(uint64_t first) {
  ASSIGN_OR_RETURN(const bool waits, AnyRow(AwaitPrefix(first)));
  if (!waits) return absl::OkStatus();
  Readmission how;
  how.set_closed(first);
  PutReadmission(AwaitAgainKey(first), how);
  return absl::OkStatus();
}

void OpenLanes::ReleaseSchemaWaiting() {
  if (Planted(Bug::kSchemaWaitForgotten)) return;
  INTENTLOG_MARK("open lanes: a schema has come that was waited for");
  PutReadmission(SchemaAgainKey(), Readmission());
}

// ---- what is to be admitted again

absl::StatusOr<std::optional<OpenLanes::Waiting>> OpenLanes::NextReadmission() {
  ASSIGN_OR_RETURN(auto rows, ahead_.index().Scan(kAgainPrefix, kAgainPrefix, 1));
  if (rows.empty()) {
    has_readmissions_ = false;
    return std::optional<Waiting>();
  }
  std::optional<Waiting> waiting(std::in_place);
  waiting->key = std::move(rows[0].key);
  if (!waiting->how.ParseFromString(rows[0].value)) {
    return DataLoss("the row ", Hex(waiting->key), " does not parse; restore it from a backup");
  }
  const std::string_view rest = std::string_view(waiting->key).substr(kAgainPrefix.size());
  if (rest[0] == '2') {
    waiting->kind = Waiting::Kind::kAwaiting;
    waiting->prefix = AwaitPrefix(waiting->how.closed());
  } else if (rest[0] == '1') {
    waiting->lane = rest.substr(1);
    waiting->prefix = LanePrefix(waiting->lane);
  } else {
    waiting->kind = Waiting::Kind::kSchema;
    waiting->prefix = kSchemaWaitPrefix;
  }
  return waiting;
}

void OpenLanes::Keep(const Waiting& waiting) {
  ahead_.index().Put(waiting.key, waiting.how.SerializeAsString());
}

void OpenLanes::Done(const Waiting& waiting) { ahead_.index().Delete(waiting.key); }

absl::StatusOr<CachedEntity*> OpenLanes::EntityOfLane(const std::string& lane) {
  const std::string key = EntityKeyOfLane(lane);
  const size_t nul = key.find('\0');
  INTENTLOG_CHECK(nul != std::string::npos);
  return ahead_.Entity(std::string_view(key).substr(1, nul - 1),
                       std::string_view(key).substr(nul + 1));
}

absl::Status OpenLanes::OpenLane(const Waiting& waiting) {
  ASSIGN_OR_RETURN(CachedEntity* const entity, EntityOfLane(waiting.lane));
  if (RemoveOpen(entity->summary, LogOfLane(waiting.lane), waiting.how.closed())) {
    ahead_.Touch(*entity);
  }
  return absl::OkStatus();
}

absl::Status OpenLanes::StopLane(const Waiting& waiting) {
  ASSIGN_OR_RETURN(CachedEntity* const entity, EntityOfLane(waiting.lane));
  StopUntilItsTurn(*entity, LogOfLane(waiting.lane), waiting.how.closed());
  return absl::OkStatus();
}

void OpenLanes::StopUntilItsTurn(CachedEntity& entity, const LogId& log, uint64_t closed) {
  if (Planted(Bug::kReleasedOvertakes)) return;
  AddOpen(entity.summary, log, closed);
  ahead_.Touch(entity);
}

absl::StatusOr<bool> OpenLanes::IsStopped(const Waiting& waiting) {
  ASSIGN_OR_RETURN(CachedEntity* const entity, EntityOfLane(waiting.lane));
  return IsOpen(entity->summary, LogOfLane(waiting.lane));
}

}  // namespace intentlog
