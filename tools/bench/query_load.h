// A QueryLoad asks a running server for rows, one after another with a short rest, and notes how
// long each took: what somebody who looks something up has to wait, whatever else the server does.
// Every row must be there.
//
// Thread-compatible; it has a thread of its own. The destructor ends it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace intentlog::bench {

class QueryLoad {
 public:
  struct Key {
    std::string view, key;
  };
  // REQUIRES: keys are not empty.
  QueryLoad(const std::string& address, std::vector<Key> keys);
  ~QueryLoad();
  QueryLoad(const QueryLoad&) = delete;
  QueryLoad& operator=(const QueryLoad&) = delete;

  // Waits until `count` queries have ended since the last Take.
  absl::Status WaitFor(size_t count);
  // Seconds of each query that ended since the last Take, and of the one in hand, which it waits
  // for. The first error of a query, or that a row was not there, from then on.
  absl::StatusOr<std::vector<double>> Take();

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog::bench
