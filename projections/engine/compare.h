// Whether two builds of a view have the same rows, and where they differ. Pure reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/store/store.h"
#include "projections/engine/row_keys.h"

namespace intentlog {

struct RowDifference {
  std::string scope;
  std::string key;
  std::optional<std::string> a, b;  // the row's bytes; nothing: there is no row
};

struct BuildComparison {
  bool equal = true;
  uint64_t rows_a = 0, rows_b = 0;
  uint64_t parked_a = 0, parked_b = 0;     // of the rows, those that stand still
  std::vector<RowDifference> differences;  // the first ones, by scope and key
};

// By the digests of scopes; reads rows only of scopes whose digests differ, until `limit`
// differences are found. Both builds are compared as `snapshot` has them.
absl::StatusOr<BuildComparison> CompareBuilds(const StoreSnapshot& snapshot, BuildId a, BuildId b,
                                              size_t limit);

}  // namespace intentlog
