// Lanes hold, per entity, what of its intents is not closed: the rows behind "is this order
// saved?". A bounded cache over LaneState rows, because consecutive intents are mostly about one
// entity.
//
// Thread-compatible: belongs to whoever writes the outbox. Reading from other threads: ReadLane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/store/store.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

// The worst of what a lane holds that is not closed.
enum class LaneWord : uint8_t { kNone, kSynced, kPending, kFailed, kConflicted };
LaneWord WordOf(const LaneState& lane);

class Lanes {
 public:
  // At most `entities_max` stay in memory between changes.
  Lanes(const Store& store, size_t entities_max) : store_(store), entities_max_(entities_max) {}

  // Called by Written for each entity whose record state differs from before it was edited.
  using StateListener =
      std::function<void(std::string_view type, std::string_view id, const LaneState& lane)>;
  void OnStateChange(StateListener listener) { listener_ = std::move(listener); }

  // The lane to change, as stored or empty. Valid until Written.
  absl::StatusOr<LaneState*> Edit(std::string_view entity_type, std::string_view entity_id);
  // Puts every lane that was edited since the last Written into `batch`.
  void Put(StoreBatch& batch);
  // The batch is committed.
  void Written();
  // It is not, and the store holds what it held before.
  void Abandon();

 private:
  struct Entry {
    LaneState state;
    bool known = false;  // the store has a row of it, or this batch makes it
    bool edited = false;
    LaneWord before = LaneWord::kNone;  // while edited
  };

  const Store& store_;
  const size_t entities_max_;
  std::unordered_map<std::string, Entry> entries_;
  std::vector<std::pair<const std::string, Entry>*> edited_;
  std::string key_;
  std::string value_;
  StateListener listener_;
};

// NOT_FOUND if the device never recorded anything for the entity.
absl::StatusOr<LaneState> ReadLane(const Store& store, std::string_view entity_type,
                                   std::string_view entity_id);

}  // namespace intentlog
