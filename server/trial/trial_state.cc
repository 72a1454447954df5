#include "server/trial/trial_state.h"

#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/log/event_log.h"

namespace intentlog {
namespace {

Verdict AsRecorded(Decision decision) {
  Verdict verdict;
  verdict.decision = decision;
  return verdict;
}

Verdict VerdictOf(const Settlement& settlement) {
  Verdict verdict = AsRecorded(settlement.decision());
  verdict.without.assign(settlement.without().begin(), settlement.without().end());
  verdict.without_all = settlement.without_all();
  return verdict;
}

bool StopsLane(Decision decision) {
  return decision == CONFLICTED || decision == REJECTED || decision == PARKED;
}

}  // namespace

EntitySummary* TrialState::SummaryOf(const Intent& intent) {
  if (intent.entity_type().empty()) return nullptr;
  return &entities_[EntityKey(intent.entity_type(), intent.entity_id())];
}

FirstWithKey* TrialState::FirstOf(uint64_t key_hash) {
  const auto found = keys_.find(key_hash);
  return found == keys_.end() ? nullptr : &found->second;
}

void TrialState::TakeEffect(const TrialEvent& event, const Verdict& verdict, Position at,
                            const Footprint& footprint) {
  EntitySummary* const summary = SummaryOf(event.intent);
  if (summary == nullptr) return;
  // What the trial's schema does not know leaves no trace.
  if (IsEffective(verdict.decision) && footprint.type == nullptr) return;
  AddToSummary(event.intent, verdict, footprint, event.log, at, *summary);
}

void TrialState::Add(TrialEvent event) {
  TakeEffect(event, event.verdict, event.position, event.footprint);
  if (!StopsLane(event.verdict.decision)) return;
  const uint64_t position = event.position.value();
  const uint64_t behind = event.verdict.behind;
  // What was parked in the log too has a settlement of its own there.
  if (behind != 0 && event.recorded != PARKED) waiting_[behind].push_back(position);
  event.verdict.reason.Clear();
  open_[position] = std::move(event);
}

void TrialState::SetLane(const TrialEvent& event) {
  EntitySummary* const summary = SummaryOf(event.intent);
  if (summary == nullptr) return;
  DropLane(event);
  AddToSummary(event.intent, AsRecorded(CONFLICTED), {}, event.log, event.position, *summary);
}

void TrialState::DropLane(const TrialEvent& event) {
  EntitySummary* const summary = SummaryOf(event.intent);
  if (summary == nullptr) return;
  auto& lanes = *summary->mutable_open();
  for (int i = lanes.size() - 1; i >= 0; --i) {
    if (lanes[i].position() == event.position.value()) lanes.DeleteSubrange(i, 1);
  }
}

bool TrialState::Settle(Position position, Position at, const Settlement& settlement,
                        const Footprint& footprint) {
  const auto found = open_.find(position.value());
  if (found == open_.end()) return false;
  if (settlement.turned()) {
    SetLane(found->second);
    return true;
  }
  const TrialEvent event = std::move(found->second);
  open_.erase(found);
  DropLane(event);
  const bool effective = IsEffective(settlement.decision());
  if (effective) TakeEffect(event, VerdictOf(settlement), at, footprint);
  if (FirstWithKey* const first = FirstOf(event.key_hash);
      first != nullptr && first->position() == position.value()) {
    effective ? first->set_decision(settlement.decision())
              : static_cast<void>(keys_.erase(event.key_hash));
  }
  Release(position.value(), at);
  return true;
}

// What waits in the trial alone has no settlement in the log: it goes on as the log says it did, at
// the moment when what it waited for was settled.
void TrialState::Release(uint64_t stopper, Position at) {
  std::vector<uint64_t> closed = {stopper};
  while (!closed.empty()) {
    const uint64_t waited_for = closed.back();
    closed.pop_back();
    const auto waiting = waiting_.find(waited_for);
    if (waiting == waiting_.end()) continue;
    const std::vector<uint64_t> positions = std::move(waiting->second);
    waiting_.erase(waiting);
    uint64_t next_stopper = 0;
    for (const uint64_t position : positions) {
      const auto found = open_.find(position);
      if (found == open_.end()) continue;
      if (next_stopper != 0) {
        waiting_[next_stopper].push_back(position);
      } else if (StopsLane(found->second.recorded)) {
        SetLane(found->second);
        next_stopper = position;
      } else {
        const TrialEvent event = std::move(found->second);
        open_.erase(found);
        DropLane(event);
        TakeEffect(event, AsRecorded(event.recorded), at, event.footprint);
        closed.push_back(position);
      }
    }
  }
}

}  // namespace intentlog
