// A RowMerger is the RowCursor over the stored rows of one projection: one sorted run per scope,
// merged. It needs one store cursor, however many scopes there are: each run is read in slices, so
// memory is bounded (about 8 MB, or one row a scope). Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/store/store.h"
#include "projections/engine/row_cursor.h"
#include "projections/engine/row_fold.h"

namespace intentlog {

class RowMerger final : public RowCursor {
 public:
  // `scopes` in byte order.
  RowMerger(OpenProjection projection, std::shared_ptr<const StoreSnapshot> snapshot,
            const std::vector<std::string>& scopes, std::string_view from_key);
  absl::StatusOr<const MergedRow*> Next() override;  // after an error, the same error again

 private:
  // The rows of one scope that are in memory: a slice of its run.
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

  absl::Status Start();
  absl::Status MergeNext();
  // Moves run `index` to its next row, reading a slice where needed; into the heap unless at its
  // end.
  absl::Status Advance(size_t index);
  absl::Status ReadSlice(Run& run);
  absl::Status Parse(const Run& run, Row& row) const;
  bool After(size_t a, size_t b) const;  // run a's row comes after run b's
  size_t PopHeap();

  const OpenProjection projection_;
  const std::shared_ptr<const StoreSnapshot> snapshot_;
  const std::unique_ptr<StoreCursor> cursor_;
  std::vector<Run> runs_;     // by scope
  std::vector<size_t> heap_;  // of runs that are not at their end; least (key, scope) first
  bool started_ = false;
  absl::Status status_;
  MergedRow merged_;
  Row other_;
};

}  // namespace intentlog
