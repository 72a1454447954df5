#include "projections/engine/row_index.h"

#include <algorithm>
#include <iterator>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_keys.h"

namespace intentlog {
namespace {

constexpr char kEscaped = '\xff';  // after NUL: a NUL of the key
constexpr char kEnd = '\x01';      // after NUL: the key ends

}  // namespace

IndexedAs IndexedAsOf(const OpenProjection& projection, std::string_view key, const Row& row) {
  IndexedAs indexed;
  if (!row.exists()) return indexed;
  KeySink keys;
  for (size_t index = 0; index < projection.indexes.size(); ++index) {
    keys.Clear();
    projection.projection->IndexKeys(index, key, row, keys);
    for (size_t i = 0; i < keys.size(); ++i) indexed.push_back({index, keys[i]});
  }
  std::sort(indexed.begin(), indexed.end());
  return indexed;
}

std::string IndexPrefix(BuildId build, std::string_view index, std::string_view scope) {
  return Cat(BuildBytes(build), '\0', index, '\0', scope, '\0');
}

std::string EscapedIndexKey(std::string_view key) {
  std::string escaped;
  escaped.reserve(key.size() + 2);
  for (const char c : key) {
    escaped.push_back(c);
    if (c == '\0') escaped.push_back(kEscaped);
  }
  escaped.push_back('\0');
  escaped.push_back(kEnd);
  return escaped;
}

bool ParseIndexEntry(std::string_view entry, std::string* index_key, std::string_view* row_key) {
  index_key->clear();
  for (size_t begin = 0;;) {
    const size_t nul = entry.find('\0', begin);
    if (nul == std::string_view::npos || nul + 1 == entry.size()) return false;
    index_key->append(entry.substr(begin, nul - begin));
    begin = nul + 2;
    if (entry[nul + 1] == kEnd) {
      *row_key = entry.substr(begin);
      return true;
    }
    if (entry[nul + 1] != kEscaped) return false;
    index_key->push_back('\0');
  }
}

ScopeIndexes::ScopeIndexes(const OpenProjection& projection, std::string_view scope)
    : projection_(projection) {
  for (const std::string& index : projection.indexes) {
    prefixes_.push_back(IndexPrefix(projection.build, index, scope));
  }
}

std::string ScopeIndexes::EntryKey(const IndexKey& entry, std::string_view key) const {
  return Cat(prefixes_[entry.index], EscapedIndexKey(entry.key), key);
}

void ScopeIndexes::Write(std::string_view key, const IndexedAs& before, const IndexedAs& after,
                         StoreBatch& batch) const {
  if (before == after) return;
  IndexedAs changed;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(changed));
  for (const IndexKey& entry : changed) batch.Delete(Space::kRows, EntryKey(entry, key));
  changed.clear();
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(changed));
  for (const IndexKey& entry : changed) batch.Put(Space::kRows, EntryKey(entry, key), "");
}

absl::Status ScopeIndexes::WriteOf(std::string_view key, std::optional<std::string_view> before,
                                   std::optional<std::string_view> after, StoreBatch& batch) const {
  if (empty()) return absl::OkStatus();
  Row row;
  const auto indexed_as = [&](std::optional<std::string_view> bytes) -> absl::StatusOr<IndexedAs> {
    if (!bytes) return IndexedAs();
    if (RowAccess::Parse(*projection_.prototype, *bytes, row)) {
      return IndexedAsOf(projection_, key, row);
    }
    return DataLoss("view ", projection_.info.name, ", key ", Quoted(key),
                    ": the row does not parse");
  };
  ASSIGN_OR_RETURN(const IndexedAs old, indexed_as(before));
  ASSIGN_OR_RETURN(const IndexedAs now, indexed_as(after));
  Write(key, old, now, batch);
  return absl::OkStatus();
}

}  // namespace intentlog
