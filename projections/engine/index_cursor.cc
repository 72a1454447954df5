#include "projections/engine/index_cursor.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_index.h"

namespace intentlog {
namespace {

std::vector<std::string> PrefixesOf(const OpenProjection& projection, const std::string& index,
                                    const std::vector<std::string>& scopes) {
  std::vector<std::string> prefixes;
  for (const std::string& scope : scopes) {
    prefixes.push_back(IndexPrefix(projection.build, index, scope));
  }
  return prefixes;
}

std::string FirstEntry(const RowRange& range, const RowPlace* after) {
  const std::string first = EscapedIndexKey(BoundsOf(range).lower);
  if (after == nullptr) return first;
  return std::max(first, Cat(EscapedIndexKey(after->index_key), after->key, '\0'));
}

}  // namespace

IndexCursor::IndexCursor(OpenProjection projection, std::shared_ptr<const StoreSnapshot> snapshot,
                         std::shared_ptr<const std::vector<std::string>> scopes,
                         const RowRange& range, const RowPlace* after)
    : projection_(std::move(projection)),
      snapshot_(std::move(snapshot)),
      scopes_(std::move(scopes)),
      index_(range.index),
      bounds_(BoundsOf(range)),
      runs_(*snapshot_, PrefixesOf(projection_, index_, *scopes_), FirstEntry(range, after)) {}

absl::StatusOr<const MergedRow*> IndexCursor::Next() {
  RETURN_IF_ERROR(status_);
  const absl::StatusOr<bool> found = Find();
  status_ = found.status();
  RETURN_IF_ERROR(status_);
  return *found ? &row_ : nullptr;
}

// False at the end.
absl::StatusOr<bool> IndexCursor::Find() {
  if (!started_) RETURN_IF_ERROR(runs_.Start());
  started_ = true;
  while (!runs_.at_end()) {
    std::string_view key;
    if (!ParseIndexEntry(runs_.key(), &row_.index_key, &key)) {
      return DataLoss("view ", projection_.info.name, ", index ", index_,
                      ": an entry does not parse: rebuild the read models");
    }
    if (bounds_.Ends(row_.index_key)) return false;
    row_.key.assign(key);
    const size_t scope = runs_.run();
    RETURN_IF_ERROR(runs_.Advance());
    bool hidden = false;
    for (size_t before = 0; before < scope && !hidden; ++before) {
      ASSIGN_OR_RETURN(hidden, Read((*scopes_)[before], row_.key));
    }
    if (hidden) continue;
    ASSIGN_OR_RETURN(const bool there, Read((*scopes_)[scope], row_.key));
    if (there && RowAccess::Parse(*projection_.prototype, bytes_, row_.row)) return true;
    return DataLoss("view ", projection_.info.name, ", index ", index_, ", key ", Quoted(row_.key),
                    ": the row that an entry names is ", there ? "not readable" : "not there",
                    ": rebuild the read models");
  }
  return false;
}

absl::StatusOr<bool> IndexCursor::Read(std::string_view scope, std::string_view key) {
  return snapshot_->Get(Space::kRows, Cat(RowPrefix(projection_.build, scope), key), &bytes_);
}

}  // namespace intentlog
