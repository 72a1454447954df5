// An IndexCursor is the RowCursor over the rows of one projection in the order of one of its
// indexes, merged over scopes as the projection's rows are: a row that another scope's row of the
// same key hides does not come. Thread-compatible.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_cursor.h"
#include "projections/engine/row_range.h"
#include "projections/engine/sorted_runs.h"

namespace intentlog {

class IndexCursor final : public RowCursor {
 public:
  // `scopes` in byte order; `after` is null at the beginning. REQUIRES: range.index is one of the
  // projection's.
  IndexCursor(OpenProjection projection, std::shared_ptr<const StoreSnapshot> snapshot,
              std::shared_ptr<const std::vector<std::string>> scopes, const RowRange& range,
              const RowPlace* after);
  absl::StatusOr<const MergedRow*> Next() override;  // after an error, the same error again

 private:
  absl::StatusOr<bool> Find();
  absl::StatusOr<bool> Read(std::string_view scope, std::string_view key);

  const OpenProjection projection_;
  const std::shared_ptr<const StoreSnapshot> snapshot_;
  const std::shared_ptr<const std::vector<std::string>> scopes_;
  const std::string index_;
  const KeyBounds bounds_;
  SortedRuns runs_;  // of each scope
  bool started_ = false;
  absl::Status status_;
  MergedRow row_;
  std::string bytes_;
};

}  // namespace intentlog
