#include "server/sequencer/settler.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/admit/restored.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

constexpr size_t kRowsAtATime = 64;

}  // namespace

absl::Status Settler::Load() {
  work_.reset();
  ASSIGN_OR_RETURN(const std::optional<std::string> row, ahead_.index().Get(OwnLogKey()));
  if (!row || row->size() != LogId::kSize) {
    return DataLoss("the name of the server's own device log is missing; restore the store");
  }
  own_log_ = LogId::FromBytes(*row);
  return absl::OkStatus();
}

// UUID version 7, as for devices: the place in the log makes it unique there.
absl::StatusOr<Intent> Settler::OwnIntent(std::string_view type) {
  ASSIGN_OR_RETURN(const LogAhead::LogState* const state, ahead_.StateOf(own_log_));
  const uint64_t count = state->highest.Next().value();
  const auto ms = static_cast<uint64_t>(ahead_.now_us() / 1000);
  std::string id;
  AppendBig64(id, ms << 16 | 0x7000);
  AppendBig64(id, uint64_t{2} << 62 | count);
  Intent intent;
  intent.set_intent_id(id);
  intent.set_type(type.data(), type.size());
  return intent;
}

absl::Status Settler::CarryOut() {
  if (!work_) return absl::OkStatus();
  Work work = *std::move(work_);
  work_.reset();
  for (size_t m = 0; m < work.intents.size(); ++m) work.candidates[m].intent = &work.intents[m];
  for (OpenMember& member : work.batch) RETURN_IF_ERROR(lanes_.Detach(member));
  RETURN_IF_ERROR(Conclude(work.batch, absl::MakeSpan(work.candidates), work.cause));
  return Readmit();
}

// ---- settling

bool Settler::Turns(const Candidate& candidate, const Cause& cause) const {
  const Decision decision = candidate.verdict.decision;
  return !cause.closes && (decision == CONFLICTED || decision == REJECTED);
}

// REQUIRES: the batch is in no lane.
absl::Status Settler::Conclude(std::vector<OpenMember>& batch, absl::Span<Candidate> candidates,
                               const Cause& cause) {
  for (size_t m = 0; m < batch.size(); ++m) {
    RETURN_IF_ERROR(ConcludeOne(batch[m], candidates[m], cause, m, batch.size()));
  }
  return lanes_.Release(batch, cause.followers);
}

absl::Status Settler::ConcludeOne(OpenMember& member, Candidate& candidate, const Cause& cause,
                                  size_t index, size_t size) {
  const Verdict& verdict = candidate.verdict;
  if (verdict.decision != PARKED) {
    ASSIGN_OR_RETURN(const Position at, Write(member, candidate, cause, index, size));
    if (!Turns(candidate, cause)) return CloseMember(member, candidate, cause, at);
    admitter_.NoteKey(candidate, member.position());
  }
  OpenEvent& row = member.row;
  row.set_decision(verdict.decision);
  *row.mutable_reason() = verdict.reason;
  row.set_behind(verdict.behind);
  row.set_duplicate_key_hash(candidate.key_hash);
  lanes_.Attach(member);
  return absl::OkStatus();
}

absl::StatusOr<Position> Settler::Write(const OpenMember& member, const Candidate& candidate,
                                        const Cause& cause, size_t index, size_t size) {
  const Verdict& verdict = candidate.verdict;
  const bool turns = Turns(candidate, cause);
  Settlement settlement;
  settlement.set_of(member.position());
  settlement.set_decision(verdict.decision);
  settlement.set_type(candidate.intent->type());
  settlement.set_schema_version(candidate.intent->schema_version());
  if (IsEffective(verdict.decision) || turns) settlement.set_payload(candidate.intent->payload());
  for (const uint32_t field : verdict.without) settlement.add_without(field);
  settlement.set_without_all(verdict.without_all);
  settlement.set_without_version(verdict.without_version);
  if (verdict.reason.code() != Reason::CODE_UNSPECIFIED) {
    *settlement.mutable_reason() = verdict.reason;
  }
  settlement.set_resolved_by(cause.resolved_by);
  settlement.set_resolver(cause.resolver);
  settlement.set_verdict(cause.verdict);
  settlement.set_turned(turns);
  settlement.set_open_type(member.intent.type());
  settlement.set_open_decision(member.row.decision());
  *settlement.mutable_open_reason() = member.row.reason();
  settlement.set_opened_at_us(member.row.opened_at_us());
  settlement.set_open_log_id(member.row.log_id());
  settlement.set_open_intent_id(member.intent.intent_id());
  settlement.set_open_count(member.row.count());

  ASSIGN_OR_RETURN(Intent intent, OwnIntent("intentlog.Settlement"));
  intent.set_entity_type(member.intent.entity_type());
  intent.set_entity_id(member.intent.entity_id());
  intent.set_scope(member.intent.scope());
  if (index == 0 && size > 1) intent.set_batch_size(static_cast<uint32_t>(size));
  intent.set_payload(settlement.SerializeAsString());

  Header header;
  header.set_settlement_of(member.position());
  header.set_decision(verdict.decision);
  header.set_version(member.entity->summary.version() + (IsEffective(verdict.decision) ? 1 : 0));
  if (settlement.has_reason()) *header.mutable_reason() = verdict.reason;
  header.set_duplicate_of(verdict.duplicate_of);
  for (const uint32_t field : verdict.without) header.add_without(field);
  header.set_without_all(verdict.without_all);
  header.set_without_version(verdict.without_version);
  header.set_duplicate_key_hash(candidate.key_hash);
  ASSIGN_OR_RETURN(LogAhead::LogState* const state, ahead_.StateOf(own_log_));
  return ahead_.Append(header, intent.SerializeAsString(), intent.scope(), *state,
                       index + 1 == size);
}

absl::Status Settler::CloseMember(OpenMember& member, const Candidate& candidate,
                                  const Cause& cause, Position settlement) {
  const Verdict& verdict = candidate.verdict;
  ClosedEvent closed;
  closed.set_settlement(settlement.value());
  closed.set_decision(verdict.decision);
  closed.set_resolver(cause.resolver);
  lanes_.Close(member, closed);
  const uint64_t position = member.position();
  const uint64_t old_key = member.row.duplicate_key_hash();
  if (IsEffective(verdict.decision)) {
    AddToSummary(*candidate.intent, verdict, candidate.footprint, member.log(), settlement,
                 member.entity->summary);
    ahead_.Touch(*member.entity);
    if (candidate.key_hash != old_key) {
      RETURN_IF_ERROR(admitter_.DropKey(old_key, position).status());
    }
    admitter_.NoteKey(candidate, position);
  } else {
    RETURN_IF_ERROR(admitter_.DropKey(old_key, position).status());
  }
  return old_key == 0 ? absl::OkStatus() : lanes_.ReleaseAwaiting(position);
}

// ---- admitting again

bool Settler::MayGoOn() const {
  return readmissions_left_ > 0 && ahead_.group_bytes() < options_.group_bytes_max;
}

absl::Status Settler::Readmit() {
  while (lanes_.has_readmissions() && MayGoOn()) {
    ASSIGN_OR_RETURN(std::optional<OpenLanes::Waiting> waiting, lanes_.NextReadmission());
    if (!waiting) break;
    RETURN_IF_ERROR(ReadmitWaiting(*std::move(waiting)));
  }
  return absl::OkStatus();
}

absl::Status Settler::ReadmitWaiting(OpenLanes::Waiting waiting) {
  if (waiting.kind == OpenLanes::Waiting::Kind::kLane) return ReadmitLane(waiting);
  lanes_.TakeAdded();
  std::string from = NumberedKey(waiting.prefix, waiting.how.next());
  while (true) {
    ASSIGN_OR_RETURN(const auto rows, ahead_.index().Scan(waiting.prefix, from, kRowsAtATime));
    for (const IndexAhead::Row& row : rows) {
      const uint64_t position = LastBig64(row.key);
      // A lane that was opened meanwhile goes first.
      if (!MayGoOn() || lanes_.TakeAdded()) {
        waiting.how.set_next(position);
        lanes_.Keep(waiting);
        return absl::OkStatus();
      }
      from = row.key + '\0';
      RETURN_IF_ERROR(ReadmitOne(row.key, waiting.how));
    }
    if (rows.size() < kRowsAtATime) break;
  }
  lanes_.Done(waiting);
  return absl::OkStatus();
}

// Until something stops the lane again, or nothing waits there.
absl::Status Settler::ReadmitLane(const OpenLanes::Waiting& waiting) {
  RETURN_IF_ERROR(lanes_.OpenLane(waiting));
  std::string from = waiting.prefix;
  bool stopped = false;
  for (bool more = true; more && !stopped;) {
    ASSIGN_OR_RETURN(const auto rows, ahead_.index().Scan(waiting.prefix, from, kRowsAtATime));
    for (const IndexAhead::Row& row : rows) {
      if (!MayGoOn()) return lanes_.StopLane(waiting);
      from = row.key + '\0';
      RETURN_IF_ERROR(ReadmitOne(row.key, waiting.how));
      ASSIGN_OR_RETURN(stopped, lanes_.IsStopped(waiting));
      if (stopped) break;
    }
    more = rows.size() == kRowsAtATime;
  }
  lanes_.Done(waiting);
  return absl::OkStatus();
}

// `key` is of the row by which it waits.
absl::Status Settler::ReadmitOne(const std::string& key, const Readmission& how) {
  ASSIGN_OR_RETURN(const auto still, ahead_.index().Get(key));
  if (!still) return absl::OkStatus();  // it went with its batch
  const uint64_t position = LastBig64(key);
  ASSIGN_OR_RETURN(std::optional<OpenEvent> row, lanes_.Find(position));
  if (!row) {
    return DataLoss("position ", position, " waits, but is not open; restore the store");
  }
  const bool drop = position <= how.drop_through();
  if (row->decision() != PARKED && !drop) {  // a person decides about it; now it is its turn
    ASSIGN_OR_RETURN(OpenMember member, MemberOf(*std::move(row)));
    ASSIGN_OR_RETURN(member.entity,
                     ahead_.Entity(member.intent.entity_type(), member.intent.entity_id()));
    RETURN_IF_ERROR(lanes_.Detach(member));
    lanes_.Attach(member);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::vector<OpenMember> batch, lanes_.BatchOf(*row));
  readmissions_left_ -= std::min(readmissions_left_, batch.size());
  for (OpenMember& member : batch) RETURN_IF_ERROR(lanes_.Detach(member));
  return ReadmitBatch(std::move(batch), how, drop);
}

absl::Status Settler::ReadmitBatch(std::vector<OpenMember> batch, const Readmission& how,
                                   bool drop) {
  std::vector<Candidate> candidates(batch.size());
  for (size_t m = 0; m < batch.size(); ++m) {
    const OpenMember& member = batch[m];
    Candidate& candidate = candidates[m];
    candidate.intent = &member.intent;
    candidate.summary = &member.entity->summary;
    candidate.own_logs = member.own_logs;
    candidate.clock = FactsOf(member.row.clock(), member.row.has_clock(), ahead_.now_us());
    candidate.base_least = Position(how.base());
    candidate.position = member.position();
    if (drop) candidate.verdict = Dropped(how.resolver());
  }
  Cause cause;
  cause.closes = drop;
  cause.followers.set_base(how.base());
  if (drop) {
    cause.verdict = Resolve::DROP;
    cause.resolver = how.resolver();
    cause.resolved_by = how.resolved_by();
  } else {
    RETURN_IF_ERROR(admitter_.Admit(absl::MakeSpan(candidates)));
    for (size_t m = 0; m < batch.size(); ++m) {
      if (batch[m].row.was_effective()) KeepRestored(candidates[m].verdict);
    }
  }
  return Conclude(batch, absl::MakeSpan(candidates), cause);
}

}  // namespace intentlog
