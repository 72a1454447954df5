#include "eventlog/store/memory_map.h"

#include <utility>

#include "eventlog/runtime/check.h"

namespace intentlog {

MemoryMap::Value MemoryMap::Change(std::string_view key, Value value) {
  ++version_;
  auto found = slots_.find(key);
  if (readers_ == 0 && !value) {
    if (found == slots_.end()) return std::nullopt;
    Value had = std::move(found->second.value);
    slots_.erase(found);
    return had;
  }
  if (found == slots_.end()) {
    const bool erased = !value;
    Slot& made = slots_[std::string(key)];
    made.value = std::move(value);
    made.since = version_;
    if (erased) dirty_.emplace_back(key);
    return std::nullopt;
  }
  Slot& slot = found->second;
  if (readers_ == 0 || slot.since > read_) {  // nobody reads what it has
    if (!value) dirty_.emplace_back(key);
    slot.since = version_;
    return std::exchange(slot.value, std::move(value));
  }
  Value had = slot.value;
  auto older = std::make_unique<Slot>(std::move(slot));
  slot = Slot{std::move(value), version_, std::move(older)};
  dirty_.emplace_back(key);
  return had;
}

uint64_t MemoryMap::Enter() {
  ++readers_;
  return read_ = version_;
}

void MemoryMap::Leave() {
  INTENTLOG_CHECK(readers_ > 0);
  if (--readers_ > 0) return;
  for (const std::string& key : dirty_) {
    const auto found = slots_.find(key);
    if (found == slots_.end()) continue;
    found->second.older.reset();
    if (!found->second.value) slots_.erase(found);
  }
  dirty_.clear();
}

const std::string* MemoryMap::At(const Slot& slot, uint64_t version) {
  for (const Slot* at = &slot; at != nullptr; at = at->older.get()) {
    if (at->since <= version) return at->value ? &*at->value : nullptr;
  }
  return nullptr;
}

const std::string* MemoryMap::Find(std::string_view key) const {
  const auto found = slots_.find(key);
  return found == slots_.end() || !found->second.value ? nullptr : &*found->second.value;
}

MemoryMap MemoryMap::Copy() const {
  MemoryMap copy;
  for (const auto& [key, slot] : slots_) {
    if (!slot.value) continue;
    Slot& made = copy.slots_.emplace_hint(copy.slots_.end(), key, Slot())->second;
    made.value = slot.value;
  }
  return copy;
}

}  // namespace intentlog
