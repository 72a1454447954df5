// Watchers tell an application which rows may have changed, on its executor. Changes that come
// faster than they are told are told once.
//
// Thread-safe. Callbacks run one at a time, without any lock, and may call anything of the client.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "eventlog/runtime/executor.h"

namespace intentlog {

class Watchers : public std::enable_shared_from_this<Watchers> {
 public:
  using WatchId = uint64_t;
  using RowWatcher = std::function<void(const std::string& key)>;

  explicit Watchers(Executor& executor) : executor_(executor) {}

  WatchId Add(std::string view, std::string prefix, RowWatcher watcher);
  // `note` is called by Note itself, with a lock held: it must only note the key.
  using KeyNote = std::function<void(std::string_view key)>;
  WatchId AddNote(std::string view, std::string prefix, KeyNote note);
  // Not called again, but for a call that is running on another thread.
  void Remove(WatchId watch);
  bool empty() const;
  // Row `key` of `view` may have changed.
  void Note(std::string_view view, std::string_view key);
  // Calls nobody any more.
  void Close();

 private:
  struct Watch {
    std::string view;
    std::string prefix;
    std::shared_ptr<const RowWatcher> watcher;
    KeyNote note;  // instead of a watcher
  };
  void Tell();

  Executor& executor_;
  mutable std::mutex mutex_;
  WatchId last_ = 0;  // protected by mutex_, as all below
  std::map<WatchId, Watch> watches_;
  std::set<std::pair<WatchId, std::string>> to_tell_;  // at most the rows that are watched
  bool posted_ = false;
};

}  // namespace intentlog
