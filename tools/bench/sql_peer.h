// A SqlPeer is a database that groups the same table of lines as another. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog::bench {

class SqlPeer {
 public:
  virtual ~SqlPeer() = default;
  virtual absl::Status Run(const std::string& sql) = 0;
  // The one row of a query, all of its columns integers.
  virtual absl::StatusOr<std::vector<int64_t>> Integers(const std::string& sql) = 0;
};

}  // namespace intentlog::bench
