// Secondary indexes of a projection's rows: entries beside the rows, in the key space of the same
// build and scope, written in the same batch. The digest is over rows alone, because equal rows
// give equal entries. Pure, but for what a cursor reads.
//
//   kRows   build (4) · NUL · index · NUL · scope · NUL · index key, escaped · row key   → empty
//
// Escaped: NUL becomes NUL FF, and NUL 01 ends it, so that entries are in the order of index keys,
// then of row keys. No scope is empty: entries are never between rows.
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"

namespace intentlog {

// Where the indexes of a projection have one row.
struct IndexKey {
  size_t index = 0;  // place in Projection::Indexes()
  std::string key;
  auto operator<=>(const IndexKey&) const = default;
};
using IndexedAs = std::vector<IndexKey>;  // ascending

// Of an absent row: none.
IndexedAs IndexedAsOf(const OpenProjection& projection, std::string_view key, const Row& row);

std::string IndexPrefix(BuildId build, std::string_view index, std::string_view scope);
// `key` escaped, with its end: what an entry has between prefix and row key.
std::string EscapedIndexKey(std::string_view key);
// Takes an entry's key, without its prefix, apart. False if it is not one.
bool ParseIndexEntry(std::string_view entry, std::string* index_key, std::string_view* row_key);

// The indexes of one build and scope, as a fold writes them. Thread-safe; the projection must
// outlive it.
class ScopeIndexes {
 public:
  ScopeIndexes(const OpenProjection& projection, std::string_view scope);

  bool empty() const { return prefixes_.empty(); }
  // Writes what becomes of the row's entries when `before` are its entries in the store and `after`
  // its entries from now on.
  void Write(std::string_view key, const IndexedAs& before, const IndexedAs& after,
             StoreBatch& batch) const;
  // The same for a row that is written as bytes; nothing: it is absent. DATA_LOSS if they do not
  // parse.
  absl::Status WriteOf(std::string_view key, std::optional<std::string_view> before,
                       std::optional<std::string_view> after, StoreBatch& batch) const;

 private:
  std::string EntryKey(const IndexKey& entry, std::string_view key) const;

  const OpenProjection& projection_;
  std::vector<std::string> prefixes_;  // by place in Indexes()
};

}  // namespace intentlog
