// SortedRuns walk several stretches of a store's rows side by side, in ascending byte order of what
// follows each one's prefix. They need one store cursor, however many runs there are: each is read
// in slices, so memory is bounded (about 8 MB, or one row a run). Thread-compatible.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/store/store.h"

namespace intentlog {

class SortedRuns {
 public:
  // Each run from `prefix + from` on.
  SortedRuns(const StoreSnapshot& snapshot, std::vector<std::string> prefixes,
             std::string_view from);

  // Reads the first row of each run. Before anything else.
  absl::Status Start();
  bool at_end() const { return heap_.empty(); }
  // Of the row with the least key; of equal keys, that of the first run. Valid until Advance.
  // REQUIRES: !at_end().
  std::string_view key() const { return runs_[heap_.front()].key; }  // without the prefix
  std::string_view value() const { return runs_[heap_.front()].value; }
  size_t run() const { return heap_.front(); }
  absl::Status Advance();

 private:
  // The rows of one run that are in memory: a slice of it.
  struct Run {
    std::string prefix;
    std::string resume;  // store key to go on from; empty: nothing more
    std::string bytes;   // keys and values, one after another
    struct Place {
      size_t key_end;
      size_t value_end;
    };
    std::vector<Place> rows;
    size_t next = 0;
    std::string_view key;  // of the row at `next`
    std::string_view value;
  };

  // Moves run `index` to its next row, reading a slice where needed; into the heap unless at its
  // end.
  absl::Status AdvanceRun(size_t index);
  absl::Status ReadSlice(Run& run);
  bool After(size_t a, size_t b) const;  // run a's row comes after run b's

  const std::unique_ptr<StoreCursor> cursor_;
  std::vector<Run> runs_;
  std::vector<size_t> heap_;  // of runs that are not at their end; least (key, run) first
};

}  // namespace intentlog
