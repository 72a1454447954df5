// What the server would hold of entities, lanes and duplicate keys, had it decided by other rules.
// In memory; grows with entities, keys and what is open, not with events. Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/admit/admission.h"
#include "server/admit/summary.h"

namespace intentlog {

// An event that the trial decided.
struct TrialEvent {
  Position position;
  LogId log;
  Intent intent;  // without its payload
  Footprint footprint;
  uint64_t key_hash = 0;
  Decision recorded = DECISION_UNSPECIFIED;
  Verdict verdict;
};

class TrialState {
 public:
  // Null: the intent has no lane. Valid until the next call with another entity.
  EntitySummary* SummaryOf(const Intent& intent);
  // Null: nothing has this key.
  FirstWithKey* FirstOf(uint64_t key_hash);
  void SetFirst(uint64_t key_hash, const FirstWithKey& first) { keys_[key_hash] = first; }

  // The event takes its place, with what the trial says of it.
  void Add(TrialEvent event);
  // The log closes `position`, or turns it. `footprint` is of what takes effect. False: in the
  // trial it is not open, so nothing happens.
  bool Settle(Position position, Position at, const Settlement& settlement,
              const Footprint& footprint);

  size_t entities() const { return entities_.size(); }
  size_t keys() const { return keys_.size(); }
  size_t open() const { return open_.size(); }

 private:
  void TakeEffect(const TrialEvent& event, const Verdict& verdict, Position at,
                  const Footprint& footprint);
  void Release(uint64_t stopper, Position at);
  void SetLane(const TrialEvent& event);
  void DropLane(const TrialEvent& event);

  std::unordered_map<std::string, EntitySummary> entities_;  // by EntityKey
  std::unordered_map<uint64_t, FirstWithKey> keys_;
  std::map<uint64_t, TrialEvent> open_;                // by position
  std::map<uint64_t, std::vector<uint64_t>> waiting_;  // positions, by what they wait for
};

}  // namespace intentlog
