#include "server/sequencer/sequencer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/sequencer/resend.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

// Well below what a device takes for silence.
constexpr absl::Duration kHealReminder = absl::Seconds(10);
// What follows the epoch in the row: all has come back or was passed over; or nobody told of a loss
// while that was waited for.
constexpr char kHealed = 'h';
constexpr char kNobodyLost = 'n';

}  // namespace

Sequencer::Sequencer(EventLog& log, const ServerOptions& options, const Clock& clock,
                     Executors executors, Hooks hooks)
    : log_(log),
      options_(options),
      clock_(clock),
      executors_(executors),
      hooks_(std::move(hooks)),
      decider_(log, options.schema,
               {{options.summary_cache_entities, options.log_cache_entries, EventLogOptions()},
                {options.readmissions_max, options.group_bytes_max}}),
      healer_(/*over=*/false) {}

absl::Status Sequencer::Load() {
  ASSIGN_OR_RETURN(const std::optional<std::string> healed, log_.GetIndex(HealedKey()));
  const std::string epoch = log_.epochs().back().id();
  healer_ = Healer(healed && *healed == Cat(epoch, kHealed));
  expects_losses_ = log_.epochs().size() > 1 && !(healed && healed->starts_with(epoch));
  return decider_.Load();
}

void Sequencer::Start() {
  if (expects_losses_) {
    healer_.Expect(clock_.Passed() + std::min(options_.heal_grace, options_.heal_wait));
    if (healer_.active()) ArmHealing();
  }
  SchedulePump();
}

absl::Status Sequencer::Submit(PushUnit unit) {
  if (stopped_) return absl::OkStatus();
  const size_t waiting = waiting_bytes_ + unit.push.intent_bytes;
  if (waiting > options_.waiting_bytes_max) INTENTLOG_MARK("sequencer: too much waits");
  if (waiting > options_.waiting_bytes_max) return Exhausted("the server has much to decide");
  if (absl::IsResourceExhausted(log_.engine().CheckRoom(waiting))) {
    INTENTLOG_MARK("sequencer: the disk is full");
    return Exhausted("the server's disk is full");
  }
  if (!unit.push.lost.empty() && !healer_.active()) {
    const LostRun& first = unit.push.lost.front();
    const LostRun& last = unit.push.lost.back();
    NoteLost({first.epoch_id(), first.epoch_number(), Position(first.first_position() - 1),
              Position(last.first_position() + last.length() - 1)});
  }
  if (healer_.active()) return Hold(std::move(unit));
  waiting_bytes_ = waiting;
  waiting_.push_back(std::move(unit));
  SchedulePump();
  return absl::OkStatus();
}

// ---- after a restore

void Sequencer::NoteLost(const LostHistory& lost) {
  if (!stopped_ && healer_.Note(lost, clock_.Passed() + options_.heal_wait)) ArmHealing();
  hooks_.heals(healing());
}

void Sequencer::Take(std::vector<PushUnit> units) {
  for (PushUnit& unit : units) {
    waiting_bytes_ += unit.push.intent_bytes;
    waiting_.push_back(std::move(unit));
  }
  if (healer_.over()) NoteHealed(kHealed);
  hooks_.heals(healing());
  SchedulePump();
}

absl::Status Sequencer::Hold(PushUnit unit) {
  if (healer_.held_bytes() + unit.push.intent_bytes > options_.heal_waiting_bytes_max) {
    return Exhausted("the server waits for devices to bring back what a restore lost");
  }
  healer_.Hold(std::move(unit));
  Take(healer_.Release());
  return absl::OkStatus();
}

void Sequencer::NoteHealed(char how) {
  if (heal_timer_ != 0) executors_.core->Cancel(heal_timer_);
  heal_timer_ = 0;
  PutIndex(HealedKey(), Cat(log_.epochs().back().id(), how), [] {});
}

void Sequencer::ArmHealing() {
  if (heal_timer_ != 0) executors_.core->Cancel(heal_timer_);
  const absl::Duration left = healer_.ends() - clock_.Passed();
  const absl::Duration step = std::clamp(left, absl::Milliseconds(1), kHealReminder);
  heal_timer_ = executors_.core->PostAfter(step, [this] { LookAtHealing(); });
}

// Devices hear why nothing comes, so that they stay.
void Sequencer::LookAtHealing() {
  heal_timer_ = 0;
  if (stopped_ || !healer_.active()) return;
  if (clock_.Passed() >= healer_.ends()) {
    GoOnHealing();
    return;
  }
  std::set<const PushLane*> told;
  healer_.ForEachHeld([&](const PushUnit& unit) {
    if (unit.waits && told.insert(unit.lane.get()).second) {
      unit.waits("the server waits for devices to bring back what a restore lost");
    }
  });
  ArmHealing();
}

Healing Sequencer::GoOnHealing() {
  const Healing before = healing();
  if (!healer_.active()) return before;
  const bool was_expecting = healer_.expecting();
  Take(healer_.GoOn());
  if (was_expecting) NoteHealed(kNobodyLost);
  return before;
}

Healing Sequencer::healing() const {
  Healing healing = healer_.state();
  if (healer_.active()) {
    const absl::Duration left = healer_.ends() - clock_.Passed();
    healing.set_ends_us(clock_.WallMicros() + absl::ToInt64Microseconds(left));
  }
  return healing;
}

void Sequencer::PutIndex(std::string key, std::string value, std::function<void()> done) {
  if (stopped_) return;
  rows_.push_back({std::move(key), std::move(value), std::move(done)});
  SchedulePump();
}

void Sequencer::Stop() {
  stopped_ = true;
  if (heal_timer_ != 0) executors_.core->Cancel(heal_timer_);
  heal_timer_ = 0;
  waiting_.clear();
  waiting_bytes_ = 0;
  rows_.clear();
  own_.clear();
}

bool Sequencer::MayDecide() const {
  if (stopped_ || !HasWork()) return false;
  if (in_flight_.empty()) return true;
  return in_flight_.size() < static_cast<size_t>(options_.groups_in_flight_max) &&
         waiting_bytes_ >= options_.group_bytes_early;
}

// By a task of its own, so that what arrived together is decided together.
void Sequencer::SchedulePump() {
  if (pump_posted_ || !MayDecide()) return;
  pump_posted_ = true;
  ++tasks_;
  executors_.core->Post([this] {
    --tasks_;
    pump_posted_ = false;
    Pump();
  });
}

void Sequencer::Pump() {
  while (MayDecide()) {
    const absl::Status status = DecideGroup();
    if (!status.ok()) return Fail(status);
  }
}

absl::Status Sequencer::DecideGroup() {
  auto group = std::make_unique<Group>(Group{
      ++last_group_, LiveGroup(hooks_.wanted, options_.feed_frame_bytes), {}, 0, false, {}, {}});
  RETURN_IF_ERROR(decider_.Begin(group->number, clock_.WallMicros(), group->live));
  do {
    if (waiting_.empty()) break;
    PushUnit unit = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= unit.push.intent_bytes;
    ASSIGN_OR_RETURN(UnitOutcome outcome, decider_.Decide(unit));
    group->answers.push_back({std::move(unit), std::move(outcome)});
  } while (decider_.group_bytes() < options_.group_bytes_max);
  RETURN_IF_ERROR(DecideOwn(*group));
  const bool has_rows = !rows_.empty() || decider_.group_has_rows();
  for (Row& row : rows_) {
    decider_.PutIndex(std::move(row.key), std::move(row.value));
    group->rows_done.push_back(std::move(row.done));
  }
  rows_.clear();
  EventGroup events = decider_.End();
  group->end = events.end();
  group->bytes = events.bytes();
  group->has_events = events.size() > 0;
  if (Planted(Bug::kReceiptBeforeCommit)) {
    Deliver(*group);
    group->answers.clear();
    group->rows_done.clear();
  }
  if (group->has_events || has_rows) {
    in_flight_.push_back(std::move(group));
    PostAppend(std::move(events));
  } else if (in_flight_.empty()) {
    Deliver(*group);
  } else {  // what these answers reveal is not durable before that group is
    INTENTLOG_MARK("sequencer: an answer waits for the group before");
    for (Answer& answer : group->answers) in_flight_.back()->answers.push_back(std::move(answer));
  }
  return absl::OkStatus();
}

void Sequencer::PostAppend(EventGroup events) {
  ++tasks_;
  executors_.commit->Post([this, events = std::move(events)]() mutable {
    absl::Status status = FailedPrecondition("an append before this one failed");
    if (!append_failed_) status = log_.Append(std::move(events));
    append_failed_ = !status.ok();
    executors_.core->Post([this, status] { OnAppended(status); });
  });
}

void Sequencer::OnAppended(const absl::Status& status) {
  --tasks_;
  const std::unique_ptr<Group> group = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (!status.ok()) return Fail(status);
  decider_.Durable(group->number);
  if (group->has_events) hooks_.durable(group->live, group->end);
  Deliver(*group);
  MergeBlocksIfMany(*group);
  Pump();
}

void Sequencer::Deliver(Group& group) {
  for (std::function<void()>& done : group.rows_done) done();
  for (Answer& answer : group.answers) {
    const absl::Status status = Deliver(answer);
    if (!status.ok()) return Fail(status);
  }
}

absl::Status Sequencer::Deliver(Answer& answer) {
  PushLane& lane = *answer.unit.lane;
  PushAnswer reply;
  reply.bytes = answer.unit.push.intent_bytes;
  if (!answer.outcome.passed_over && !lane.forked) {
    RETURN_IF_ERROR(AnswerCovered(answer, reply));
    reply.resend_from = reply.resend_from ? reply.resend_from : answer.outcome.gap_from;
    for (ReceiptRun& run : answer.outcome.runs) reply.runs.push_back(std::move(run));
  }
  answer.unit.done(std::move(reply));
  return absl::OkStatus();
}

// Whether the device's history before this unit is known to be the server's.
absl::StatusOr<bool> Sequencer::SameBefore(const PushUnit& unit) const {
  if (unit.first() <= unit.lane->same_through.Next()) return true;
  ASSIGN_OR_RETURN(const ChainValue hash,
                   LogHashAt(log_, unit.lane->log, Count(unit.first().value() - 1)));
  return hash == unit.hash_before;
}

absl::Status Sequencer::AnswerCovered(Answer& answer, PushAnswer& reply) {
  const PushUnit& unit = answer.unit;
  PushLane& lane = *unit.lane;
  bool differs = answer.outcome.hash_differs;
  if (answer.outcome.covered_through) {
    const size_t covered = answer.outcome.covered_through->Next().Since(unit.first());
    ASSIGN_OR_RETURN(ResendAnswer resend,
                     AnswerFromLog(log_, lane.log, unit.first(),
                                   absl::MakeConstSpan(unit.push.intents).subspan(0, covered)));
    ASSIGN_OR_RETURN(const bool same_before, SameBefore(unit));
    if (resend.forked_at && same_before) {
      lane.forked = true;
      reply.forked_at = resend.forked_at;
      reply.forked_intent = unit.push.intents[resend.forked_at->Since(unit.first())];
      differs = false;
    } else if (resend.forked_at) {
      differs = true;  // but perhaps not here first
      resend.runs.clear();
    } else if (same_before) {
      lane.same_through = std::max(lane.same_through, *answer.outcome.covered_through);
    }
    reply.runs = std::move(resend.runs);
  }
  if (!answer.outcome.runs.empty()) lane.same_through = unit.last();
  return differs ? AskForEarlier(answer, reply) : absl::OkStatus();
}

// The bytes of this push say nothing, so the difference lies earlier: first the last run is asked
// for, then everything.
absl::Status Sequencer::AskForEarlier(Answer& answer, PushAnswer& reply) {
  INTENTLOG_MARK("sequencer: other bytes before this push");
  const PushUnit& unit = answer.unit;
  PushLane& lane = *unit.lane;
  if (unit.first() == Count(1) || lane.hash_steps >= 2) {
    reply.refused = Cat("hash_before of count ", unit.first(),
                        " does not follow from the intents that were pushed before it");
    return absl::OkStatus();
  }
  Count from(1);
  if (lane.hash_steps++ == 0) {
    ASSIGN_OR_RETURN(const LogHighest highest, log_.Highest(lane.log));
    ASSIGN_OR_RETURN(const std::optional<Run> run, log_.FindRun(lane.log, highest.count));
    if (run && run->first_count() < unit.first().value()) from = Count(run->first_count());
  }
  lane.awaited = from;
  reply.resend_from = from;
  return absl::OkStatus();
}

void Sequencer::MergeBlocksIfMany(const Group& group) {
  if (group.has_events && group.bytes < EventLogOptions().block_bytes / 4) ++small_appends_;
  const bool many = small_appends_ >= options_.small_blocks_merge_after;
  const bool very_many = small_appends_ >= 8 * options_.small_blocks_merge_after;
  if (stopped_ || merging_ || !(very_many || (many && in_flight_.empty() && waiting_.empty()))) {
    return;
  }
  INTENTLOG_MARK("sequencer: small blocks are merged");
  small_appends_ = 0;
  merging_ = true;
  ++tasks_;
  executors_.commit->Post([this] {
    absl::Status status;
    if (!append_failed_) status = log_.MergeSmallBlocks().status();
    executors_.core->Post([this, status] {
      --tasks_;
      merging_ = false;
      if (!status.ok()) Fail(status);
    });
  });
}

void Sequencer::Fail(const absl::Status& status) {
  if (stopped_) return;
  Stop();
  hooks_.failed(status);
}

}  // namespace intentlog
