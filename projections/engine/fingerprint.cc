#include "projections/engine/fingerprint.h"

#include <map>
#include <utility>

#include "eventlog/runtime/text.h"
#include "projections/engine/digest.h"
#include "projections/engine/row_access.h"

namespace intentlog {

std::string FingerprintOf(const Projection& projection, const GoldenLog& log) {
  std::map<std::pair<std::string, std::string>, Row> rows;  // by scope and key
  Digest128 digest;
  KeySink keys;
  const bool decisions = projection.info().decisions;
  log([&](const Event& event) {
    if (!event.effective && !decisions) return;
    keys.Clear();
    projection.Keys(event, keys);
    for (size_t i = 0; i < keys.size(); ++i) {
      Row& row = rows[{std::string(event.scope), keys[i]}];
      if (projection.Apply(event, keys[i], row).ok()) continue;
      digest.Add(Cat("not folded ", event.position), keys[i]);
    }
  });
  for (const auto& [place, row] : rows) {
    if (!row.exists()) continue;
    digest.Add(Cat(place.first, std::string_view("\0", 1), place.second), RowBytes(row));
  }
  return digest.Bytes();
}

}  // namespace intentlog
