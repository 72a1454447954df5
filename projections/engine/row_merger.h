// A RowMerger is the RowCursor over the stored rows of one projection in the order of their keys:
// one sorted run per scope, merged. Thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_cursor.h"
#include "projections/engine/row_range.h"
#include "projections/engine/sorted_runs.h"

namespace intentlog {

class RowMerger final : public RowCursor {
 public:
  // `scopes` in byte order.
  RowMerger(OpenProjection projection, std::shared_ptr<const StoreSnapshot> snapshot,
            const std::vector<std::string>& scopes, KeyBounds bounds);
  absl::StatusOr<const MergedRow*> Next() override;  // after an error, the same error again

 private:
  absl::Status MergeNext();
  absl::Status Parse(Row& row) const;  // of the row that runs_ are at

  const OpenProjection projection_;
  const std::shared_ptr<const StoreSnapshot> snapshot_;
  const KeyBounds bounds_;
  SortedRuns runs_;  // of each scope
  bool started_ = false;
  absl::Status status_;
  MergedRow merged_;
  Row other_;
};

}  // namespace intentlog
