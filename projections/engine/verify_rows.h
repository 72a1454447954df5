// Verification of read models: whether the rows that are stored have the digests that their
// checkpoints say. Reads every row. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "projections/engine/frozen_rows.h"

namespace intentlog {

struct RowVerification {
  uint64_t views = 0;
  uint64_t rows = 0;
  std::vector<std::string> problems;  // each names view, scope and what to do; empty: all is well
};

// Not OK if the store cannot be read at all.
absl::StatusOr<RowVerification> VerifyRows(const FrozenRows& frozen);

}  // namespace intentlog
