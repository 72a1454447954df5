// A RowCursor walks the rows of one view in ascending byte order of keys, or by an index, merged
// over scopes. It sees one moment. Thread-compatible; the store must outlive it.
//
//   for (;;) {
//     ASSIGN_OR_RETURN(const MergedRow* row, cursor->Next());
//     if (row == nullptr) break;
//     Use(row->key, row->row.Read<SalesRow>());
//   }
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "projections/engine/projection.h"

namespace intentlog {

struct MergedRow {
  std::string key;
  Row row;
  std::string index_key;  // of a walk by an index: where that has the row
};

class RowCursor {
 public:
  virtual ~RowCursor() = default;
  // The next row, valid until the next call; null at the end.
  virtual absl::StatusOr<const MergedRow*> Next() = 0;
};

}  // namespace intentlog
