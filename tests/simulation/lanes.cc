#include "tests/simulation/lanes.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/text.h"

namespace intentlog::simulation {

bool IsControl(const Outcome& outcome) {
  return outcome.type == "intentlog.Resolve" || outcome.type == "intentlog.Amend" ||
         outcome.type == "intentlog.Dismiss";
}

Lanes::Lanes(const EventLog& log, std::map<std::string, std::string> continued)
    : continued_(std::move(continued)) {
  const auto reader = log.Read(Position(1));
  while (true) {
    const auto more = reader->Next();
    if (!more.ok()) problems_ += Cat("log: ", more.status(), "\n");
    if (!more.ok() || !*more) break;
    for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
      const EventRef ref = reader->block().event(i);
      Header header;
      Intent intent;
      if (!header.ParseFromArray(ref.header.data(), static_cast<int>(ref.header.size())) ||
          !intent.ParseFromArray(ref.intent.data(), static_cast<int>(ref.intent.size()))) {
        problems_ += Cat("position ", ref.position, " does not parse\n");
        continue;
      }
      if (header.settlement_of() != 0) {
        Close(header, intent);
      } else {
        Add(header, intent);
      }
    }
  }
  CheckOrder();
}

void Lanes::Add(const Header& header, const Intent& intent) {
  Outcome& outcome = outcomes_[{header.log_id(), header.count()}];
  if (outcome.position != 0) {
    problems_ += Cat("count ", header.count(), " is at ", outcome.position, " and at ",
                     header.position(), "\n");
  }
  outcome.position = header.position();
  outcome.type = intent.type();
  outcome.first = outcome.now = header.decision();
  outcome.behind = header.behind();
  outcome.key = header.duplicate_key_hash();
  if (IsEffective(header.decision())) outcome.effect = header.position();
  outcome.batch_size = intent.batch_size();
  outcome.was_lost = header.has_was();
  by_position_[header.position()] = &outcome;
  log_at_[header.position()] = header.log_id();
  if (intent.entity_id().empty()) return;
  outcome.entity = Cat(intent.entity_type(), "/", intent.entity_id());
  lanes_[{header.log_id(), outcome.entity}].push_back(header.count());
}

void Lanes::Close(const Header& header, const Intent& intent) {
  Settlement settlement;
  const auto found = by_position_.find(header.settlement_of());
  if (!settlement.ParseFromString(intent.payload()) || found == by_position_.end()) {
    problems_ += Cat("the settlement at ", header.position(), " is of nothing\n");
    return;
  }
  Outcome& outcome = *found->second;
  if (outcome.closed > 0) {
    problems_ += Cat("position ", outcome.position, " was closed at ", outcome.settled_at,
                     " and again at ", header.position(), "\n");
  }
  outcome.now = settlement.decision();
  if (settlement.turned()) return;
  ++outcome.closed;
  outcome.by_person = !settlement.resolver().empty();
  outcome.settled_at = header.position();
  if (IsEffective(settlement.decision())) outcome.effect = header.position();
}

bool Lanes::IsOpen(const Outcome& outcome) const {
  const bool stops = outcome.now == CONFLICTED || outcome.now == REJECTED;
  return outcome.now == PARKED || (stops && outcome.closed == 0);
}

bool Lanes::IsStopped(const std::set<Lane>& stopped, std::string log,
                      const std::string& entity) const {
  for (size_t hops = 0; hops <= continued_.size(); ++hops) {
    if (stopped.count({log, entity}) > 0) return true;
    const auto before = continued_.find(log);
    if (before == continued_.end()) return false;
    log = before->second;
  }
  return false;
}

std::string Lanes::WaitsForNothing() const {
  std::string problems;
  std::set<Lane> stopped;
  // Also those behind it: what was parked in its lane may find one there when its turn comes.
  std::set<uint64_t> stopped_keys;
  for (const auto& [position, outcome] : by_position_) {
    if (outcome->key != 0 && IsOpen(*outcome) && outcome->now != PARKED) {
      stopped_keys.insert(outcome->key);
    }
  }
  for (auto first = by_position_.begin(); first != by_position_.end();) {
    const uint32_t size = first->second->batch_size;
    auto end = first;
    bool waits = false;
    for (uint32_t m = 0; m < std::max(size, 1u) && end != by_position_.end(); ++m, ++end) {
      const Outcome& member = *end->second;
      const auto behind = by_position_.find(member.behind);
      // Behind nothing: it waits for a schema.
      waits = waits || behind == by_position_.end() || IsOpen(*behind->second) ||
              IsStopped(stopped, log_at_.at(end->first), member.entity) ||
              stopped_keys.count(member.key) > 0;
    }
    for (; first != end; ++first) {
      const Outcome& member = *first->second;
      if (member.now == PARKED && !waits) {
        problems += Cat("position ", first->first, " waits, first behind ", member.behind,
                        ", and nothing is open there any more\n");
      }
      if (IsOpen(member) && !member.entity.empty()) {
        stopped.emplace(log_at_.at(first->first), member.entity);
      }
    }
  }
  return problems;
}

void Lanes::CheckOrder() {
  for (const auto& [lane, counts] : lanes_) {
    uint64_t last = 0;
    for (const uint64_t count : counts) {
      const Outcome& outcome = outcomes_.at({lane.first, count});
      if (IsControl(outcome) || outcome.effect == 0) continue;
      if (outcome.effect < last) {
        problems_ += Cat("order of ", lane.second, ": count ", count, " took effect at ",
                         outcome.effect, ", after ", last, "\n");
      }
      last = outcome.effect;
    }
  }
}

}  // namespace intentlog::simulation
