#include "client/outbox/lanes.h"

#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

absl::StatusOr<bool> Load(const Store& store, const std::string& key, std::string& value,
                          LaneState* lane) {
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kIndex, key, &value));
  if (found && !lane->ParseFromString(value)) {
    return DataLoss("the state of lane \"", std::string_view(key).substr(1), "\" does not parse");
  }
  return found;
}

}  // namespace

LaneWord WordOf(const LaneState& lane) {
  if (lane.conflicted() > 0) return LaneWord::kConflicted;
  if (lane.failed() > 0) return LaneWord::kFailed;
  if (lane.pending() + lane.parked() > 0) return LaneWord::kPending;
  return LaneWord::kSynced;
}

absl::StatusOr<LaneState*> Lanes::Edit(std::string_view entity_type, std::string_view entity_id) {
  key_.assign(1, 'e');
  key_.append(entity_type).push_back('\0');
  key_.append(entity_id);
  auto found = entries_.find(key_);
  if (found == entries_.end()) {
    Entry entry;
    ASSIGN_OR_RETURN(entry.known, Load(store_, key_, value_, &entry.state));
    found = entries_.emplace(key_, std::move(entry)).first;
  }
  if (!found->second.edited) {
    Entry& entry = found->second;
    entry.edited = true;
    entry.before = entry.known ? WordOf(entry.state) : LaneWord::kNone;
    entry.known = true;
    edited_.push_back(&*found);
  }
  return &found->second.state;
}

void Lanes::Put(StoreBatch& batch) {
  for (const auto* entry : edited_) {
    entry->second.state.SerializeToString(&value_);
    batch.Put(Space::kIndex, entry->first, value_);
  }
}

void Lanes::Written() {
  for (auto* entry : edited_) {
    entry->second.edited = false;
    if (listener_ == nullptr || entry->second.before == WordOf(entry->second.state)) continue;
    const std::string_view key = entry->first;
    const size_t end = key.find('\0');
    listener_(key.substr(1, end - 1), key.substr(end + 1), entry->second.state);
  }
  edited_.clear();
  if (entries_.size() > entities_max_) entries_.clear();
}

void Lanes::Abandon() {
  edited_.clear();
  entries_.clear();
}

absl::StatusOr<LaneState> ReadLane(const Store& store, std::string_view entity_type,
                                   std::string_view entity_id) {
  LaneState lane;
  std::string value;
  ASSIGN_OR_RETURN(const bool found, Load(store, LaneKey(entity_type, entity_id), value, &lane));
  if (!found) {
    return NotFound("this device never recorded anything for ", entity_type, "/", entity_id);
  }
  return lane;
}

}  // namespace intentlog
