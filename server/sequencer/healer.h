// A Healer puts what devices bring back after a restore into the order that it had: it holds units
// until all that lay before them is there, or until it has waited long enough. New work waits
// behind, so that nobody decides upon half of a history.
//
//   lost positions   101 102 103 104 105      device A brings 101, 103; device B brings 104
//   released         101                      102 is missing: 103 and 104 wait
//   device C brings 102  ─►  102 103 104      105 is what B's cursor told of; its device is away
//   the wait is over ─► new work              105, if it ever comes, goes where it comes
//
// Once it is over, it is for the whole epoch. Nothing here is on disk: what waits has no receipt,
// and is pushed again after a crash.
//
// Thread-compatible. No clock of its own. On the core executor.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/runtime/numbers.h"
#include "proto/store.pb.h"
#include "server/sequencer/push_unit.h"

namespace intentlog {

// What one device knows of the history that was lost, by its Hello.
struct LostHistory {
  std::string epoch_id;  // the last one that it had
  uint32_t epoch_number = 0;
  Position shared;   // through here its history is this log's
  Position through;  // the greatest position that it had
};

class Healer {
 public:
  // `over`: this epoch has healed before.
  explicit Healer(bool over) : over_(over) {}

  // A log that was restored opens: until `ends`, in the clock's passed time, a device may tell that
  // something was lost, and new work waits for that.
  void Expect(absl::Duration ends);
  // A device tells of what was lost. `ends`: when the wait is over, if it begins now; in the
  // clock's passed time. True if it begins.
  bool Note(const LostHistory& lost, absl::Duration ends);
  // Whether units must come by here.
  bool active() const { return ends_.has_value(); }
  // No device has told of a loss.
  bool expecting() const { return active() && ranges_.empty(); }
  bool over() const { return over_; }
  absl::Duration ends() const { return *ends_; }  // REQUIRES: active()

  // Takes a unit in parts that have one place each. REQUIRES: active().
  void Hold(PushUnit unit);
  size_t held_bytes() const { return held_bytes_; }
  // Units whose turn it is, in the order in which they are to be decided. When nothing is missing
  // any more, that is all of them, and it is over.
  std::vector<PushUnit> Release();
  // Waits no longer; if it was expecting, a device may still tell of a loss later.
  std::vector<PushUnit> GoOn();
  // Everything that waits, to be told why.
  template <class Use>
  void ForEachHeld(Use use) const;
  // As an operator is shown it, but for its end.
  Healing state() const;

 private:
  // Epochs in the order in which they were lost.
  struct Lineage {
    uint32_t number = 0;
    std::string epoch_id;
    auto operator<=>(const Lineage&) const = default;
  };
  struct Range {
    Position next;     // that is released next
    Position through;  // greatest that is told of
  };

  void HoldPart(PushUnit part);
  bool Complete() const;
  PushUnit TakeFirst();

  bool over_;
  std::optional<absl::Duration> ends_;
  std::map<Lineage, Range> ranges_;
  // By lineage and first position; several copies of a log, or sessions, may bring the same.
  std::multimap<std::pair<Lineage, Position>, PushUnit> lost_;
  std::deque<PushUnit> fresh_;
  size_t held_bytes_ = 0;
  uint64_t held_intents_ = 0;
  uint64_t returned_ = 0;
};

template <class Use>
void Healer::ForEachHeld(Use use) const {
  for (const auto& [place, unit] : lost_) use(unit);
  for (const PushUnit& unit : fresh_) use(unit);
}

// `unit` in parts, in order: a lost run each, or what lies between. They share its frame, and each
// has its own answer.
std::vector<PushUnit> SplitByLost(PushUnit unit);

}  // namespace intentlog
