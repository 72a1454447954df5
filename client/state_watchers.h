// StateWatchers tell an application whose record state changed, on its executor. Changes of one
// entity that come faster than they are told are told once, with the last state.
//
// Thread-safe. Callbacks run one at a time, without any lock, and may call anything of the client.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "client/outbox/lanes.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/schema/entity.h"

namespace intentlog {

class StateWatchers : public std::enable_shared_from_this<StateWatchers> {
 public:
  using WatchId = uint64_t;
  using Watcher = std::function<void(const Entity& entity, LaneWord state)>;

  explicit StateWatchers(Executor& executor) : executor_(executor) {}

  WatchId Add(Watcher watcher);
  // Not called again, but for a call that is running on another thread.
  void Remove(WatchId watch);
  void Note(Entity entity, LaneWord state);
  // Calls nobody any more.
  void Close();

 private:
  void Tell();

  Executor& executor_;
  std::mutex mutex_;
  WatchId last_ = 0;  // protected by mutex_, as all below
  std::map<WatchId, std::shared_ptr<const Watcher>> watches_;
  std::map<Entity, LaneWord> to_tell_;  // at most what changed since the last call
  bool posted_ = false;
};

}  // namespace intentlog
