// An EntityCache holds the summaries of entities that were decided lately, so that deciding reads
// and writes memory. What is not durable yet stays in it; of the rest the least recently used goes
// first. Thread-compatible.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "proto/store.pb.h"

namespace intentlog {

struct CachedEntity {
  std::string key;
  EntitySummary summary;
  bool exists = false;      // the log has, or the groups in flight bring, a row of it
  uint64_t last_group = 0;  // that changed it
};

class EntityCache {
 public:
  // `log` must outlive the cache.
  EntityCache(const EventLog& log, size_t entities_max) : log_(log), entities_max_(entities_max) {}

  // From memory, or from the log. Valid until Trim or Clear.
  absl::StatusOr<CachedEntity*> Find(std::string_view type, std::string_view id);
  // Forgets the least recently used ones that no group above `durable_group` changed.
  void Trim(uint64_t durable_group);
  void Clear();
  size_t size() const { return entities_.size(); }

 private:
  const EventLog& log_;
  const size_t entities_max_;
  std::string key_;
  std::list<CachedEntity> entities_;  // most recently used first
  std::unordered_map<std::string_view, std::list<CachedEntity>::iterator> by_key_;
};

}  // namespace intentlog
