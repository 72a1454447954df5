#include "server/sequencer/decider.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/admit/admit.h"
#include "server/admit/restored.h"
#include "server/admit/settle.h"
#include "server/sequencer/receipt_runs.h"

namespace intentlog {
namespace {

uint64_t PointerOf(const Verdict& verdict) {
  return verdict.decision == DUPLICATE ? verdict.duplicate_of : verdict.behind;
}

}  // namespace

Decider::Decider(const EventLog& log, std::shared_ptr<const Schema> schema, const Options& options)
    : log_(log),
      ahead_(log, options.log),
      admitter_(std::move(schema), ahead_),
      lanes_(ahead_),
      settler_(ahead_, admitter_, lanes_, options.settle) {}

absl::Status Decider::Load() {
  RETURN_IF_ERROR(ahead_.Load());
  RETURN_IF_ERROR(admitter_.Load());
  RETURN_IF_ERROR(lanes_.Load());
  RETURN_IF_ERROR(settler_.Load());
  return LoadSchema();
}

absl::Status Decider::Begin(uint64_t group_number, int64_t now_us, LiveGroup& live) {
  ahead_.Begin(group_number, now_us, live);
  settler_.BeginGroup();
  if (adoption_due_) RETURN_IF_ERROR(WriteAdoption());
  return settler_.Readmit();
}

// ---- units

// True if nothing of the unit can be decided now; `outcome` says why.
bool Decider::CoversOrWaits(const PushUnit& unit, const LogAhead::LogState& state,
                            UnitOutcome& outcome) const {
  if (Planted(Bug::kGapAccepted) && unit.first() > state.highest.Next()) return false;
  if (Planted(Bug::kForgetsOldCounts) && unit.last().Plus(3) <= state.highest) return false;
  if (unit.first() > state.highest.Next()) {
    INTENTLOG_MARK("decider: a gap");
    outcome.gap_from = state.highest.Next();
    return true;
  }
  if (unit.last() <= state.highest) {
    INTENTLOG_MARK("decider: all of a push is known");
    outcome.covered_through = unit.last();
    return true;
  }
  // The hash of the whole log tells at once whether what was decided before is the same.
  ChainValue hash = unit.hash_before;
  const uint64_t covered = state.highest.Next().Since(unit.first());
  for (uint64_t i = 0; i < covered; ++i) hash = NextLogHash(hash, unit.push.intents[i]);
  if (covered > 0) INTENTLOG_MARK("decider: a part of a push is known");
  if (covered > 0) outcome.covered_through = state.highest;
  outcome.hash_differs = hash != state.hash && !Planted(Bug::kForkUnseen);
  return outcome.hash_differs;
}

absl::StatusOr<UnitOutcome> Decider::Decide(const PushUnit& unit) {
  UnitOutcome outcome;
  PushLane& lane = *unit.lane;
  const bool early = lane.awaited && unit.first() > *lane.awaited;
  if (lane.forked || lane.superseded || (early && !Planted(Bug::kGapAccepted))) {
    outcome.passed_over = true;
    return outcome;
  }
  lane.awaited.reset();
  ASSIGN_OR_RETURN(LogAhead::LogState* const state, ahead_.StateOf(lane.log));
  if (CoversOrWaits(unit, *state, outcome)) {
    if (outcome.gap_from) lane.awaited = outcome.gap_from;
    if (outcome.hash_differs) lane.awaited = Count();
    return outcome;
  }
  const bool anew = (Planted(Bug::kGapAccepted) && unit.first() > state->highest.Next()) ||
                    (Planted(Bug::kForgetsOldCounts) && unit.last() <= state->highest);
  const size_t begin = anew ? 0 : state->highest.Next().Since(unit.first());
  RETURN_IF_ERROR(DecideNew(unit, begin, *state, outcome));
  return outcome;
}

absl::Status Decider::DecideNew(const PushUnit& unit, size_t begin, LogAhead::LogState& state,
                                UnitOutcome& outcome) {
  const std::vector<std::string_view>& intents = unit.push.intents;
  if (state.highest == Count()) {
    ahead_.stats().set_device_logs(ahead_.stats().device_logs() + 1);
  }
  for (size_t i = begin; i < intents.size();) {
    const size_t size = std::min<size_t>(BatchSizeOf(intents[i]), intents.size() - i);
    RETURN_IF_ERROR(DecideBatch(*unit.lane, {&unit.push, i, size}, state, outcome));
    i += size;
  }
  ahead_.EndRun();
  return absl::OkStatus();
}

absl::Status Decider::ReadMember(const Pushed& batch, size_t index, const PushLane& lane,
                                 Member& member) {
  const std::string_view bytes = batch.push->intents[batch.begin + index];
  const uint64_t count = batch.push->first_count + batch.begin + index;
  member.bytes = bytes;
  member.was.reset();
  member.was_effective = false;
  if (const LostRun* const run = LostRunOf(*batch.push, count)) {
    member.was.emplace();
    member.was->set_epoch_id(run->epoch_id());
    member.was->set_position(run->first_position() + (count - run->first_count()));
    member.was_effective = run->was_effective() || IsEffective(run->decision());
  }
  member.parsed = member.intent->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  member.entity = nullptr;
  member.clock.reset();
  if (!member.parsed || !HasLane(*member.intent)) return absl::OkStatus();
  member.clock = lane.clock.Around(member.intent->device_time_us());
  ASSIGN_OR_RETURN(member.entity,
                   ahead_.Entity(member.intent->entity_type(), member.intent->entity_id()));
  return absl::OkStatus();
}

absl::Status Decider::DecideBatch(PushLane& lane, const Pushed& batch, LogAhead::LogState& state,
                                  UnitOutcome& outcome) {
  const size_t size = batch.size;
  if (members_.size() < size) members_.resize(size);
  candidates_.resize(size);
  for (size_t m = 0; m < size; ++m) {
    Member& member = members_[m];
    RETURN_IF_ERROR(ReadMember(batch, m, lane, member));
    Candidate& candidate = candidates_[m];
    candidate = Candidate();
    candidate.own_logs = lane.own_logs;
    candidate.clock = FactsOf(member.clock ? *member.clock : SeenClock::default_instance(),
                              member.clock.has_value(), ahead_.now_us());
    if (member.parsed) candidate.intent = member.intent.get();
    if (member.entity != nullptr) candidate.summary = &member.entity->summary;
  }
  if (size == 1 && members_[0].parsed && IsControlType(members_[0].intent->type())) {
    return DecideControl(lane, members_[0], state, outcome);
  }
  RETURN_IF_ERROR(admitter_.Admit(absl::MakeSpan(candidates_)));
  for (size_t m = 0; m < size; ++m) {
    if (members_[m].was_effective) KeepRestored(candidates_[m].verdict);
  }
  for (size_t m = 0; m < size; ++m) Record(lane, state, m, size, outcome);
  return absl::OkStatus();
}

// Passes by its lane and leaves no trace in it; what it does follows it in the log.
absl::Status Decider::DecideControl(PushLane& lane, Member& member, LogAhead::LogState& state,
                                    UnitOutcome& outcome) {
  Settler::Asked asked;
  asked.intent = member.intent.get();
  asked.own_logs = lane.own_logs;
  asked.resolver = lane.device;
  asked.clock = member.clock;
  ASSIGN_OR_RETURN(const Verdict verdict, settler_.Plan(asked));
  const Position position = Append(&lane, member, verdict, false, 0, true, state);
  AddToRuns(state.highest, position, verdict.decision, verdict.reason, 0, outcome.runs);
  return settler_.CarryOut();
}

// ---- events

void Decider::CountDecision(Decision decision) {
  for (DecisionCount& count : *ahead_.stats().mutable_decisions()) {
    if (count.decision() != decision) continue;
    count.set_events(count.events() + 1);
    return;
  }
  DecisionCount& count = *ahead_.stats().add_decisions();
  count.set_decision(decision);
  count.set_events(1);
}

// `counts`: an effective one is a version of its entity.
Position Decider::Append(PushLane* lane, const Member& member, const Verdict& verdict, bool counts,
                         uint64_t key_hash, bool ends_batch, LogAhead::LogState& state) {
  header_.Clear();
  if (member.entity != nullptr) {
    header_.set_version(member.entity->summary.version() +
                        (counts && IsEffective(verdict.decision) ? 1 : 0));
  }
  header_.set_decision(verdict.decision);
  if (verdict.reason.code() != Reason::CODE_UNSPECIFIED) *header_.mutable_reason() = verdict.reason;
  header_.set_duplicate_of(verdict.duplicate_of);
  header_.set_behind(verdict.behind);
  for (const uint32_t field : verdict.without) header_.add_without(field);
  header_.set_without_all(verdict.without_all);
  header_.set_without_version(verdict.without_version);
  header_.set_duplicate_key_hash(key_hash);
  if (member.was) *header_.mutable_was() = *member.was;
  // 0 says "as before", so no skew at all is written as one microsecond.
  if (lane != nullptr && !lane->skew_written) {
    header_.set_skew_us(lane->skew_us == 0 ? 1 : lane->skew_us);
    lane->skew_written = true;
  }
  const std::string_view scope =
      member.entity == nullptr ? std::string_view() : std::string_view(member.intent->scope());
  CountDecision(verdict.decision);
  return ahead_.Append(header_, member.bytes, scope, state, ends_batch);
}

void Decider::Record(PushLane& lane, LogAhead::LogState& state, size_t index, size_t size,
                     UnitOutcome& outcome) {
  Member& member = members_[index];
  const Candidate& candidate = candidates_[index];
  const Verdict& verdict = candidate.verdict;
  const Position position =
      Append(&lane, member, verdict, true, candidate.key_hash, index + 1 == size, state);
  if (member.entity != nullptr) {
    const bool closed = IsEffective(verdict.decision) || verdict.decision == DUPLICATE;
    if (closed) {
      AddToSummary(*member.intent, verdict, candidate.footprint, lane.log, position,
                   member.entity->summary);
      ahead_.Touch(*member.entity);
    } else if (!IsControlType(member.intent->type())) {
      KeepOpen(lane, member, candidate, position, index, size);
    }
    admitter_.NoteKey(candidate, position.value());
  }
  AddToRuns(state.highest, position, verdict.decision, verdict.reason, PointerOf(verdict),
            outcome.runs);
}

// It stops its lane, or waits in it.
void Decider::KeepOpen(const PushLane& lane, Member& member, const Candidate& candidate,
                       Position position, size_t index, size_t size) {
  const Verdict& verdict = candidate.verdict;
  OpenMember open;
  open.entity = member.entity;
  open.own_logs = lane.own_logs;
  OpenEvent& row = open.row;
  row.set_position(position.value());
  row.set_decision(verdict.decision);
  *row.mutable_reason() = verdict.reason;
  row.set_log_id(lane.log.bytes().data(), LogId::kSize);
  row.set_count(header_.count());
  row.set_device(lane.device);
  row.set_opened_at_us(ahead_.now_us());
  row.set_behind(verdict.behind);
  row.set_intent(member.bytes.data(), member.bytes.size());
  row.set_batch_first(position.value() - index);
  row.set_batch_size(static_cast<uint32_t>(size));
  for (size_t l = 1; l < lane.own_logs.size(); ++l) {
    row.add_continues(lane.own_logs[l].id.bytes().data(), LogId::kSize);
    row.add_continues_through(lane.own_logs[l].through);
  }
  if (member.clock) *row.mutable_clock() = *member.clock;
  row.set_duplicate_key_hash(candidate.key_hash);
  row.set_was_effective(member.was_effective);
  EntitySummary& summary = member.entity->summary;
  if (summary.scope().empty() && verdict.decision != REJECTED) {
    summary.set_scope(member.intent->scope());
  }
  lanes_.Attach(open);
}

}  // namespace intentlog
