// Lanes hold, per entity, what of its intents is not closed: the rows behind "is this order
// saved?". A bounded cache over LaneState rows, because consecutive intents are mostly about one
// entity.
//
// Thread-compatible: belongs to whoever writes the outbox. Reading from other threads: ReadLane.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/store/store.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

class Lanes {
 public:
  // At most `entities_max` stay in memory between changes.
  Lanes(const Store& store, size_t entities_max) : store_(store), entities_max_(entities_max) {}

  // The lane to change, as stored or empty. Valid until Written.
  absl::StatusOr<LaneState*> Edit(std::string_view entity_type, std::string_view entity_id);
  // Puts every lane that was edited since the last Written into `batch`.
  void Put(StoreBatch& batch);
  // The batch is committed.
  void Written();

 private:
  struct Entry {
    LaneState state;
    bool edited = false;
  };

  const Store& store_;
  const size_t entities_max_;
  std::unordered_map<std::string, Entry> entries_;
  std::vector<std::pair<const std::string, Entry>*> edited_;
  std::string key_;
  std::string value_;
};

// NOT_FOUND if the device never recorded anything for the entity.
absl::StatusOr<LaneState> ReadLane(const Store& store, std::string_view entity_type,
                                   std::string_view entity_id);

}  // namespace intentlog
