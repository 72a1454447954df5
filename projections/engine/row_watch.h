// Watching the rows of a view: whoever watches takes, whenever it likes, which rows have changed
// since it last took, and reads them as of the moment when it took. A row that changes again before
// it is taken is taken once. So a slow one loses nothing that matters, the last state of every row,
// and costs no more memory than its limit: where more rows wait than that, all of them are read
// anew.
//
//   ReadModels::Committed ──► RowWatches ──► RowWatch: keys that changed ──►
//   ReadModels::TakeChanges (and those of the next opening, of the same RowWatches) rows, of one
//   moment
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "projections/engine/row_keys.h"

namespace intentlog {

struct RowWatchLimits {
  // Keys that wait to be taken, and their bytes.
  size_t keys_max = 10'000;
  size_t bytes_max = 1 << 20;
};

// Keys of rows that changed and were not taken yet, each once. Thread-compatible.
class ChangedKeys {
 public:
  // With `begins`, all rows count as changed before the first that does.
  ChangedKeys(const RowWatchLimits& limits, bool begins) : limits_(limits), begins_(begins) {}

  void Note(std::string_view key);
  // Whatever was taken before is void: all rows are to be read anew.
  void BeginAnew();
  bool empty() const { return keys_.empty() && !begins_; }
  size_t size() const { return keys_.size(); }

  struct Taken {
    bool begins = false;  // then `keys` is empty
    std::set<std::string, std::less<>> keys;
  };
  Taken Take();

 private:
  const RowWatchLimits limits_;
  bool begins_;
  std::set<std::string, std::less<>> keys_;
  size_t bytes_ = 0;
};

class RowWatches;

// Of one view's rows whose keys begin with a prefix. It ends when it is destroyed.
class RowWatch {
 public:
  ~RowWatch();
  RowWatch(const RowWatch&) = delete;
  RowWatch& operator=(const RowWatch&) = delete;

  const std::string& view() const { return view_; }
  const std::string& prefix() const { return prefix_; }
  // Keys that wait to be taken.
  size_t waiting() const;

 private:
  friend class ReadModels;
  friend class RowWatches;
  RowWatch(std::shared_ptr<RowWatches> watches, std::string view, std::string prefix, BuildId build,
           const RowWatchLimits& limits, bool begins);

  const std::shared_ptr<RowWatches> watches_;
  const std::string view_;
  const std::string prefix_;
  ChangedKeys changed_;  // protected by watches_->mutex_, as all below
  BuildId build_;        // that it was last read from
};

// Those of one store: of the ReadModels that are open on it, and of the ones opened after these.
// Only ReadModels see into it.
class RowWatches : public std::enable_shared_from_this<RowWatches> {
 private:
  friend class ReadModels;
  friend class RowWatch;

  std::unique_ptr<RowWatch> Add(std::string view, std::string prefix, BuildId build,
                                const RowWatchLimits& limits, bool begins);
  bool any() const { return any_.load(std::memory_order_relaxed); }
  bool Watches(std::string_view view);

  // ---- REQUIRES: mutex_ is held.
  void Note(std::string_view view, std::string_view key);
  void BeginAnew(std::string_view view);
  // What is to be read from `build` of the watch's view.
  ChangedKeys::Taken Take(RowWatch& watch, BuildId build);
  bool IsStale(uint64_t opening);

  std::atomic<bool> any_ = false;
  std::mutex mutex_;
  std::set<RowWatch*> watches_;  // protected by mutex_, as all below
  uint64_t openings_ = 0;        // ReadModels that were opened with this
  uint64_t current_ = 0;         // the last of them that committed or was read from
};

}  // namespace intentlog
