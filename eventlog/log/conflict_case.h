// A ConflictCase is what a person must see to decide a conflict: what one device did ("mine"), what
// it clashed with ("theirs"), and what both began from ("base"). A ConflictCaseMaker finds theirs
// and base for many conflicts in one pass over the events, wherever those come from: a server's log
// or the feed that a device keeps.
//
// Thread-compatible.
//
//   ConflictCaseMaker maker(schema);
//   for (const OpenEvent& open : conflicts) RETURN_IF_ERROR(maker.Want(open));
//   while (…) RETURN_IF_ERROR(maker.See(block));      // until maker.through()
//   for (const ConflictCase& one : maker.Take()) …
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/log/block.h"
#include "eventlog/log/event.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/entity.h"
#include "eventlog/schema/schema.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

// An event as it took effect: of a settlement, what it put in place. Payloads of former versions
// have today's form, if that can be made.
struct ConflictSide {
  Position position;
  std::string type;
  std::string payload;
  LogId log;
  Count count;  // in it
  int64_t server_time_us = 0;
};

struct ConflictCase {
  OpenEvent open;
  Intent mine;  // of open.intent, with its payload in today's form
  // The event at reason.other_position; nothing if there is none, or if it was not seen.
  std::optional<ConflictSide> theirs;
  // What mine's type last said of the entity at or before mine's base: the last effective event; of
  // a type whose fields are merged one by one, the last value of each field. Nothing: there was
  // none.
  std::optional<ConflictSide> base;
};

class ConflictCaseMaker {
 public:
  explicit ConflictCaseMaker(std::shared_ptr<const Schema> schema);
  ~ConflictCaseMaker();

  // REQUIRES: nothing was seen yet. DATA_LOSS if open.intent does not parse.
  absl::Status Want(const OpenEvent& open);
  // Looks at the events of a block. Positions grow within a scope; what was seen before is passed
  // over. Damage in events that matter to no case is not looked for. DATA_LOSS.
  absl::Status See(const BlockView& block);
  // No event above this matters; 0: none at all.
  Position through() const { return through_; }
  // The cases, in position order; the maker is empty again.
  std::vector<ConflictCase> Take();

 private:
  struct Work;

  absl::Status SeeEvent(const EventRef& ref);
  absl::Status AddBase(Work& work, const Event& event);
  ConflictSide SideOf(const Event& event) const;
  bool ToToday(const std::string& type, uint32_t version, std::string* payload) const;

  const std::shared_ptr<const Schema> schema_;
  EventDecoder decoder_;
  Intent envelope_;
  std::map<Position, Work> works_;                              // by the conflict's position
  std::unordered_map<Entity, std::vector<Work*>> of_entity_;    // that look for a base
  std::unordered_map<Position, std::vector<Work*>> of_theirs_;  // by other_position
  std::map<std::string, Position, std::less<>> seen_;           // by scope
  Position through_;
};

}  // namespace intentlog
