#include "projections/engine/row_range.h"

#include <algorithm>
#include <utility>

namespace intentlog {

std::optional<std::string> AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

KeyBounds BoundsOf(const RowRange& range) {
  KeyBounds bounds{std::max(range.from, range.prefix), AfterPrefix(range.prefix)};
  if (!range.to.empty() && !bounds.Ends(range.to)) bounds.upper = range.to;
  return bounds;
}

}  // namespace intentlog
