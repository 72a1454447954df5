// Which rows of a view are wanted, in which order. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "projections/engine/row_cursor.h"

namespace intentlog {

// Keys from `from` on, below `to`, that begin with `prefix`: row keys, in ascending byte order;
// with an index, keys of that, and rows with equal ones by row key. A row that has several keys in
// the index comes once for each.
struct RowRange {
  std::string index;  // empty: by row key
  std::string from;   // the first that is wanted
  std::string to;     // the first that is not wanted any more; empty: to the end
  std::string prefix;
};

// Behind which row of a range to go on.
struct RowPlace {
  std::string index_key;  // where there is an index
  std::string key;
};

// A range as two keys.
struct KeyBounds {
  std::string lower;
  std::optional<std::string> upper;  // the first that is not wanted any more

  bool Ends(std::string_view key) const { return upper && key >= *upper; }
};
KeyBounds BoundsOf(const RowRange& range);

// The first key after all that begin with `prefix`; nothing if there is none.
std::optional<std::string> AfterPrefix(std::string prefix);

}  // namespace intentlog
