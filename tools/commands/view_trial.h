// What a view would look like: the compiled projection folded over a place's own events in a
// temporary place, beside the rows that the place has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "projections/asof/as_of.h"
#include "projections/engine/digest.h"
#include "tools/commands/source.h"

namespace intentlog {

struct ViewTrial {
  struct Side {
    uint64_t rows = 0;   // merged over scopes
    Digest128 digest;    // of these
    uint64_t alone = 0;  // rows whose key the other one does not have
  };
  struct Difference {
    std::string key;
    std::optional<std::string> live, tried;  // the row's bytes; nothing: there is no row
  };

  Position from;     // rows below it are those that were folded then, if they were kept
  Position began;    // where such rows were found; 0: all is folded anew
  Position through;  // both sides are of this position
  Side live, tried;
  uint64_t different = 0;         // keys that both have, with other rows
  uint64_t parked = 0;            // tried rows that stand still
  std::vector<Difference> first;  // in the order of keys

  uint64_t differences() const { return live.alone + tried.alone + different; }
  bool equal() const { return differences() == 0; }
};

// Notes the first `limit` differences, and counts all. Errors as CheckAt(source, from), or of
// reading.
absl::StatusOr<ViewTrial> TryView(Source& source, const std::string& view, Position from,
                                  size_t limit, const AsOfOptions& options);

}  // namespace intentlog
