#include "server/sequencer/decider.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/admit/admit.h"
#include "server/admit/batch.h"

namespace intentlog {
namespace {

uint64_t PointerOf(const Verdict& verdict) {
  return verdict.decision == DUPLICATE ? verdict.duplicate_of : verdict.behind;
}

bool SameReason(const Reason& a, const Reason& b) {
  return a.code() == b.code() && a.other_position() == b.other_position() &&
         a.field() == b.field() && a.text() == b.text();
}

}  // namespace

void AddToRuns(Count count, Position position, Decision decision, const Reason& reason,
               uint64_t pointer, std::vector<ReceiptRun>& runs) {
  if (!runs.empty()) {
    ReceiptRun& last = runs.back();
    if (last.first_count() + last.length() == count.value() &&
        last.first_position() + last.length() == position.value() && last.decision() == decision &&
        last.pointer() == pointer && SameReason(last.reason(), reason)) {
      last.set_length(last.length() + 1);
      return;
    }
  }
  ReceiptRun& run = runs.emplace_back();
  run.set_first_count(count.value());
  run.set_first_position(position.value());
  run.set_length(1);
  run.set_decision(decision);
  if (reason.code() != Reason::CODE_UNSPECIFIED) *run.mutable_reason() = reason;
  run.set_pointer(pointer);
}

// No row of the log itself begins with this letter.
std::string StatsKey() { return "x/stats"; }
std::string DeviceKey(std::string_view device) { return Cat("x/device/", device); }

Decider::Decider(const EventLog& log, std::shared_ptr<const Schema> schema, const Options& options)
    : log_(log),
      schema_(std::move(schema)),
      options_(options),
      entities_(log, options.entities_max) {}

absl::Status Decider::Load() {
  group_.reset();
  touched_.clear();
  logs_.clear();
  entities_.Clear();
  end_ = log_.head();
  epoch_id_ = log_.epochs().back().id();
  stats_.Clear();
  restart_pending_ = true;
  ASSIGN_OR_RETURN(const std::optional<std::string> row, log_.GetIndex(StatsKey()));
  if (row && !stats_.ParseFromString(*row)) return DataLoss("the row ", StatsKey(), " is damaged");
  return absl::OkStatus();
}

void Decider::Begin(uint64_t group_number, int64_t now_us, LiveGroup& live) {
  group_.emplace(end_, options_.log);
  live_ = &live;
  group_number_ = group_number;
  now_us_ = std::max(now_us, end_.server_time_us);
}

void Decider::PutIndex(std::string key, std::string value) {
  group_->PutIndex(std::move(key), std::move(value));
}

EventGroup Decider::End() {
  for (const CachedEntity* entity : touched_) group_->PutSummary(entity->key, entity->summary);
  touched_.clear();
  if (group_->size() > 0) group_->PutIndex(StatsKey(), stats_.SerializeAsString());
  end_ = group_->end();
  EventGroup group = *std::move(group_);
  group_.reset();
  live_ = nullptr;
  return group;
}

void Decider::Durable(uint64_t group_number) {
  if (group_) return;  // what the group in hand points to stays where it is
  entities_.Trim(group_number);
  if (logs_.size() <= options_.logs_max) return;
  std::erase_if(logs_, [&](const auto& entry) { return entry.second.last_group <= group_number; });
}

absl::StatusOr<Decider::LogState*> Decider::StateOf(const LogId& log) {
  const auto found = logs_.find(log);
  if (found != logs_.end()) return &found->second;
  ASSIGN_OR_RETURN(const LogHighest highest, log_.Highest(log));
  LogState& state = logs_[log];
  state.highest = highest.count;
  state.hash = highest.hash;
  return &state;
}

// True if nothing of the unit can be decided now; `outcome` says why.
bool Decider::CoversOrWaits(const PushUnit& unit, const LogState& state,
                            UnitOutcome& outcome) const {
  if (unit.first() > state.highest.Next()) {
    outcome.gap_from = state.highest.Next();
    return true;
  }
  if (unit.last() <= state.highest) {
    outcome.covered_through = unit.last();
    return true;
  }
  // The hash of the whole log tells at once whether what was decided before is the same.
  ChainValue hash = unit.hash_before;
  const uint64_t covered = state.highest.Next().Since(unit.first());
  for (uint64_t i = 0; i < covered; ++i) hash = NextLogHash(hash, unit.push.intents[i]);
  if (covered > 0) outcome.covered_through = state.highest;
  outcome.hash_differs = hash != state.hash;
  return outcome.hash_differs;
}

absl::StatusOr<UnitOutcome> Decider::Decide(const PushUnit& unit) {
  UnitOutcome outcome;
  PushLane& lane = *unit.lane;
  if (lane.forked || (lane.awaited && unit.first() > *lane.awaited)) {
    outcome.passed_over = true;
    return outcome;
  }
  lane.awaited.reset();
  ASSIGN_OR_RETURN(LogState* const state, StateOf(lane.log));
  if (CoversOrWaits(unit, *state, outcome)) {
    if (outcome.gap_from) lane.awaited = outcome.gap_from;
    if (outcome.hash_differs) lane.awaited = Count();
    return outcome;
  }
  const size_t begin = state->highest.Next().Since(unit.first());
  RETURN_IF_ERROR(DecideNew(unit, begin, *state, outcome));
  return outcome;
}

absl::Status Decider::DecideNew(const PushUnit& unit, size_t begin, LogState& state,
                                UnitOutcome& outcome) {
  PushLane& lane = *unit.lane;
  const std::vector<std::string_view>& intents = unit.push.intents;
  if (state.highest == Count()) stats_.set_device_logs(stats_.device_logs() + 1);
  Run run;
  run.set_first_count(state.highest.Next().value());
  run.set_first_position(group_->next().value());
  run.set_length(static_cast<uint32_t>(intents.size() - begin));
  for (size_t i = begin; i < intents.size();) {
    const size_t size = std::min<size_t>(BatchSizeOf(intents[i]), intents.size() - i);
    if (members_.size() < size) members_.resize(size);
    for (size_t m = 0; m < size; ++m) {
      members_[m].bytes = intents[i + m];
      RETURN_IF_ERROR(AdmitMember(lane, members_[m]));
    }
    if (size > 1) {
      verdicts_.resize(size);
      for (size_t m = 0; m < size; ++m) verdicts_[m] = std::move(members_[m].verdict);
      DecideAsOne(absl::MakeSpan(verdicts_));
      for (size_t m = 0; m < size; ++m) members_[m].verdict = std::move(verdicts_[m]);
    }
    for (size_t m = 0; m < size; ++m) {
      AddMember(lane, state, members_[m], m + 1 == size, outcome);
    }
    i += size;
  }
  state.last_group = group_number_;
  const std::string_view hash = Bytes(state.hash);
  run.set_hash_after(hash.data(), hash.size());
  group_->AddRun(lane.log, run);
  return absl::OkStatus();
}

const google::protobuf::Message* Decider::ParsePayload(const Intent& intent,
                                                       const EventType** type) {
  if (last_type_ == nullptr || last_type_name_ != intent.type()) {
    last_type_ = schema_->Find(intent.type());
    last_type_name_ = intent.type();
    last_payload_ = nullptr;
    if (last_type_ != nullptr) {
      std::unique_ptr<google::protobuf::Message>& payload = payloads_[last_type_];
      if (payload == nullptr) payload = last_type_->NewPayload();
      last_payload_ = payload.get();
    }
  }
  *type = last_type_;
  if (last_payload_ == nullptr || !last_payload_->ParseFromString(intent.payload())) return nullptr;
  return last_payload_;
}

AdmitInput Decider::InputFor(const PushLane& lane, const Member& member) {
  AdmitInput input;
  input.schema = schema_.get();
  input.own_logs = lane.own_logs;
  if (!member.parsed) return input;
  const Intent& intent = *member.intent;
  input.intent = &intent;
  input.payload = ParsePayload(intent, &input.type);
  input.clock = {true, lane.skew_us, lane.skew_us, intent.clock_steps(), intent.clock_steps(),
                 now_us_};
  if (member.entity != nullptr) input.entity = &member.entity->summary;
  if (!intent.based_on().epoch_id().empty() && intent.based_on().epoch_id() == epoch_id_) {
    input.base = Position(intent.based_on().position());
    input.base_ahead = input.base > end_.position;
  }
  return input;
}

absl::Status Decider::AdmitMember(const PushLane& lane, Member& member) {
  member.parsed = member.intent->ParseFromArray(member.bytes.data(), member.bytes.size());
  member.entity = nullptr;
  member.gave_scope = false;
  if (member.parsed && HasLane(*member.intent)) {
    ASSIGN_OR_RETURN(member.entity,
                     entities_.Find(member.intent->entity_type(), member.intent->entity_id()));
  }
  const AdmitInput input = InputFor(lane, member);
  member.verdict = Admit(input);
  if (IsEffective(member.verdict.decision)) {
    member.footprint = FootprintOf(*input.type, *input.payload, *input.intent, input.clock);
  }
  // Later members of the same batch see the scope already.
  if (member.entity != nullptr && member.entity->summary.scope().empty() &&
      member.verdict.decision != REJECTED) {
    member.entity->summary.set_scope(member.intent->scope());
    member.gave_scope = true;
  }
  return absl::OkStatus();
}

void Decider::CountDecision(Decision decision) {
  for (DecisionCount& count : *stats_.mutable_decisions()) {
    if (count.decision() != decision) continue;
    count.set_events(count.events() + 1);
    return;
  }
  DecisionCount& count = *stats_.add_decisions();
  count.set_decision(decision);
  count.set_events(1);
}

void Decider::FillHeader(PushLane& lane, const LogState& state, const Member& member) {
  const Verdict& verdict = member.verdict;
  header_.Clear();
  header_.set_position(group_->next().value());
  header_.set_server_time_us(now_us_);
  if (member.entity != nullptr) {
    header_.set_version(member.entity->summary.version() + (IsEffective(verdict.decision) ? 1 : 0));
  }
  header_.set_log_id(lane.log.bytes().data(), LogId::kSize);
  header_.set_count(state.highest.Next().value());
  header_.set_decision(verdict.decision);
  if (verdict.reason.code() != Reason::CODE_UNSPECIFIED) *header_.mutable_reason() = verdict.reason;
  header_.set_duplicate_of(verdict.duplicate_of);
  header_.set_behind(verdict.behind);
  for (const uint32_t field : verdict.without) header_.add_without(field);
  header_.set_without_all(verdict.without_all);
  // 0 says "as before", so no skew at all is written as one microsecond.
  if (!lane.skew_written) header_.set_skew_us(lane.skew_us == 0 ? 1 : lane.skew_us);
  lane.skew_written = true;
  if (restart_pending_) header_.set_restart(true);
  restart_pending_ = false;
}

void Decider::AddMember(PushLane& lane, LogState& state, Member& member, bool ends_batch,
                        UnitOutcome& outcome) {
  const Verdict& verdict = member.verdict;
  const Position position = group_->next();
  const std::string_view scope =
      member.entity == nullptr ? std::string_view() : std::string_view(member.intent->scope());
  if (member.gave_scope && verdict.decision == REJECTED) member.entity->summary.clear_scope();
  FillHeader(lane, state, member);
  header_.SerializeToString(&header_bytes_);
  group_->Add(header_, header_bytes_, member.bytes, scope, ends_batch);
  if (IsInFeed(header_)) live_->Add({position, scope, true, header_bytes_, member.bytes});
  state.highest = state.highest.Next();
  state.hash = NextLogHash(state.hash, member.bytes);
  if (CachedEntity* const entity = member.entity) {
    AddToSummary(*member.intent, verdict, member.footprint, lane.log, position, entity->summary);
    if (!entity->exists) stats_.set_entities(stats_.entities() + 1);
    entity->exists = true;
    if (entity->last_group != group_number_) touched_.push_back(entity);
    entity->last_group = group_number_;
  }
  CountDecision(verdict.decision);
  AddToRuns(state.highest, position, verdict.decision, verdict.reason, PointerOf(verdict),
            outcome.runs);
}

}  // namespace intentlog
