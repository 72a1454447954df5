// Where an as-of fold may begin instead of the first event: at rows that were folded earlier.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "projections/engine/projection.h"

namespace intentlog {

// The rows of one view, of all its scopes, through one position. No row of it stands still: what
// waits for a decision is not part of it. Thread-compatible.
class AsOfBase {
 public:
  virtual ~AsOfBase() = default;
  virtual Position position() const = 0;
  // Every row, unmerged and as stored, in any order; an error of `take` ends it.
  using TakeRow = std::function<absl::Status(std::string_view scope, std::string_view key,
                                             std::string_view row)>;
  virtual absl::Status ForEachRow(const TakeRow& take) const = 0;
};

// Thread-compatible.
class AsOfBases {
 public:
  virtual ~AsOfBases() = default;
  // The furthest one of this name and version at or below `at`, checked; null if there is none.
  virtual absl::StatusOr<std::unique_ptr<AsOfBase>> Nearest(const ProjectionInfo& view,
                                                            Position at) = 0;
};

}  // namespace intentlog
