#include "server/sequencer/entity_cache.h"

#include <optional>
#include <utility>

namespace intentlog {
namespace {

bool IsKeyOf(std::string_view key, std::string_view type, std::string_view id) {
  return key.size() == type.size() + id.size() + 2 && key.substr(1, type.size()) == type &&
         key.substr(type.size() + 2) == id;
}

}  // namespace

absl::StatusOr<CachedEntity*> EntityCache::Find(std::string_view type, std::string_view id) {
  // Often one entity's intents come together.
  if (!entities_.empty() && IsKeyOf(entities_.front().key, type, id)) return &entities_.front();
  key_ = EntityKey(type, id);
  const auto found = by_key_.find(key_);
  if (found != by_key_.end()) {
    entities_.splice(entities_.begin(), entities_, found->second);
    return &entities_.front();
  }
  absl::StatusOr<std::optional<EntitySummary>> stored = log_.Summary(key_);
  if (!stored.ok()) return stored.status();
  CachedEntity& entity = entities_.emplace_front();
  entity.key = key_;
  if (stored->has_value()) {
    entity.summary = **std::move(stored);
    entity.exists = true;
  }
  by_key_.emplace(entity.key, entities_.begin());
  return &entity;
}

void EntityCache::Trim(uint64_t durable_group) {
  auto at = entities_.end();
  while (entities_.size() > entities_max_ && at != entities_.begin()) {
    --at;
    if (at->last_group > durable_group) continue;
    by_key_.erase(at->key);
    at = entities_.erase(at);
  }
}

void EntityCache::Clear() {
  by_key_.clear();
  entities_.clear();
}

}  // namespace intentlog
