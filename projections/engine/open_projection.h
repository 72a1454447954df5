// An OpenProjection is a projection with the build that its rows are in: how a set of projections
// holds each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "projections/engine/projection.h"
#include "projections/engine/row_keys.h"

namespace intentlog {

struct OpenProjection {
  std::shared_ptr<const Projection> projection;
  ProjectionInfo info;
  const google::protobuf::Message* prototype = nullptr;
  std::vector<std::string> indexes;  // their names
  BuildId build = 0;                 // 0: none; there are no rows
  uint32_t shown_version = 0;        // of the build's rows, if that is not info.version; 0: it is
  bool is_folded = true;             // otherwise its rows are only read
};

// INVALID_ARGUMENT: rows that can not be equal byte for byte; indexes that have no name or an equal
// one, or that are of rows that merge.
absl::StatusOr<OpenProjection> OpenOne(std::shared_ptr<const Projection> projection, BuildId build);

}  // namespace intentlog
