// Whether the index entries that a store has of a build are those that its rows give: for tests.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_index.h"

namespace intentlog {

struct IndexEntries {
  std::set<std::string> stored;
  std::set<std::string> expected;  // recomputed from the build's rows
};

inline IndexEntries EntriesOf(const Store& store, const OpenProjection& projection) {
  IndexEntries entries;
  const std::string build = BuildBytes(projection.build);
  const std::unique_ptr<StoreCursor> cursor = store.Scan(Space::kRows);
  for (cursor->Seek(build); cursor->Valid(); cursor->Next()) {
    std::string_view rest = cursor->key();
    if (rest.substr(0, build.size()) != build) break;
    rest.remove_prefix(build.size());
    if (rest[0] == '\0') {
      entries.stored.emplace(cursor->key());
      continue;
    }
    const std::string_view scope = rest.substr(0, rest.find('\0'));
    const std::string_view key = rest.substr(scope.size() + 1);
    Row row;
    INTENTLOG_CHECK(RowAccess::Parse(*projection.prototype, cursor->value(), row));
    for (const IndexKey& entry : IndexedAsOf(projection, key, row)) {
      const std::string& name = projection.indexes[entry.index];
      entries.expected.insert(
          Cat(IndexPrefix(projection.build, name, scope), EscapedIndexKey(entry.key), key));
    }
  }
  INTENTLOG_CHECK(cursor->status().ok());
  return entries;
}

}  // namespace intentlog
