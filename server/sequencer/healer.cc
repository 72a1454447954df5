#include "server/sequencer/healer.h"

#include <algorithm>
#include <iterator>

#include "eventlog/log/chain.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"

namespace intentlog {
namespace {

// The counts [first, first + length) of `unit`. `hash`: rolling, before them; after them at the
// end.
PushUnit PartOf(const PushUnit& unit, uint64_t first, uint64_t length, ChainValue& hash) {
  PushUnit part;
  part.lane = unit.lane;
  part.frame = unit.frame;
  part.done = unit.done;
  part.waits = unit.waits;
  part.hash_before = hash;
  part.push.log_id = unit.push.log_id;
  part.push.first_count = first;
  const size_t begin = first - unit.push.first_count;
  for (size_t i = begin; i < begin + length; ++i) {
    const std::string_view intent = unit.push.intents[i];
    part.push.intents.push_back(intent);
    part.push.intent_bytes += intent.size();
    hash = NextLogHash(hash, intent);
  }
  return part;
}

bool Follows(const LostRun& before, const LostRun& run) {
  return run.epoch_id() == before.epoch_id() &&
         run.first_count() == before.first_count() + before.length() &&
         run.first_position() == before.first_position() + before.length();
}

uint64_t LostIntents(const PushUnit& unit) {
  uint64_t intents = 0;
  for (const LostRun& run : unit.push.lost) intents += run.length();
  return intents;
}

}  // namespace

std::vector<PushUnit> SplitByLost(PushUnit unit) {
  std::vector<PushUnit> parts;
  ChainValue hash = unit.hash_before;
  uint64_t at = unit.push.first_count;
  const std::vector<LostRun>& lost = unit.push.lost;
  for (size_t begin = 0; begin < lost.size();) {
    size_t end = begin + 1;
    while (end < lost.size() && Follows(lost[end - 1], lost[end])) ++end;
    // What lies before it and was never lost goes with it, because counts go in order.
    const uint64_t after = lost[end - 1].first_count() + lost[end - 1].length();
    parts.push_back(PartOf(unit, at, after - at, hash));
    parts.back().push.lost.assign(lost.begin() + begin, lost.begin() + end);
    at = after;
    begin = end;
  }
  const uint64_t rest = unit.push.last_count() + 1 - at;
  if (rest > 0) parts.push_back(PartOf(unit, at, rest, hash));
  return parts;
}

void Healer::Expect(absl::Duration ends) {
  if (!over_ && !active()) ends_ = ends;
}

bool Healer::Note(const LostHistory& lost, absl::Duration ends) {
  if (over_ || lost.through <= lost.shared) return false;
  const bool begins = !active() || expecting();
  const auto [found, is_new] = ranges_.try_emplace(Lineage{lost.epoch_number, lost.epoch_id},
                                                   Range{lost.shared.Next(), lost.through});
  if (!is_new) found->second.through = std::max(found->second.through, lost.through);
  if (begins) ends_ = ends;
  return begins;
}

void Healer::Hold(PushUnit unit) {
  INTENTLOG_CHECK(active());
  for (PushUnit& part : SplitByLost(std::move(unit))) HoldPart(std::move(part));
}

void Healer::HoldPart(PushUnit part) {
  held_bytes_ += part.push.intent_bytes;
  held_intents_ += part.push.intents.size();
  if (part.push.lost.empty()) {
    fresh_.push_back(std::move(part));
    return;
  }
  const LostRun& run = part.push.lost.front();
  Lineage lineage{run.epoch_number(), run.epoch_id()};
  const Position first(run.first_position());
  const Position last = first.Plus(LostIntents(part) - 1);
  Range& range = ranges_.try_emplace(lineage, Range{first, last}).first->second;
  range.through = std::max(range.through, last);
  const auto place = std::make_pair(std::move(lineage), first);
  const auto goes_with = [&](const PushUnit& other) {
    return other.lane->log == part.lane->log && other.first() < part.first();
  };
  for (PushUnit& other : fresh_) {
    if (goes_with(other)) lost_.emplace(place, std::move(other));
  }
  std::erase_if(fresh_, [](const PushUnit& other) { return other.lane == nullptr; });
  lost_.emplace(place, std::move(part));
}

PushUnit Healer::TakeFirst() {
  auto node = lost_.extract(lost_.begin());
  PushUnit& unit = node.mapped();
  Range& range = ranges_.at(node.key().first);
  range.next = std::max(range.next, node.key().second.Plus(LostIntents(unit)));
  returned_ += LostIntents(unit);
  held_bytes_ -= unit.push.intent_bytes;
  held_intents_ -= unit.push.intents.size();
  return std::move(unit);
}

bool Healer::Complete() const {
  return !ranges_.empty() && lost_.empty() &&
         std::all_of(ranges_.begin(), ranges_.end(),
                     [](const auto& entry) { return entry.second.next > entry.second.through; });
}

std::vector<PushUnit> Healer::Release() {
  std::vector<PushUnit> released;
  while (!lost_.empty() &&
         lost_.begin()->first.second <= ranges_.at(lost_.begin()->first.first).next) {
    released.push_back(TakeFirst());
  }
  if (!Complete()) return released;
  for (PushUnit& unit : GoOn()) released.push_back(std::move(unit));
  return released;
}

std::vector<PushUnit> Healer::GoOn() {
  std::vector<PushUnit> released;
  while (!lost_.empty()) released.push_back(TakeFirst());
  std::move(fresh_.begin(), fresh_.end(), std::back_inserter(released));
  fresh_.clear();
  held_bytes_ = 0;
  held_intents_ = 0;
  over_ = !expecting();
  ends_.reset();
  return released;
}

Healing Healer::state() const {
  Healing healing;
  healing.set_returned(returned_);
  healing.set_waiting(held_intents_);
  for (const auto& [lineage, range] : ranges_) {
    if (range.next > range.through) continue;
    healing.set_next(range.next.value());
    healing.set_through(range.through.value());
    break;
  }
  return healing;
}

}  // namespace intentlog
