#include "projections/engine/view_reader.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/index_cursor.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_merger.h"

namespace intentlog {

absl::StatusOr<std::optional<Row>> ViewReader::GetInScope(std::string_view scope,
                                                          std::string_view key) const {
  // A table that was loaded since may be seen in the snapshot; its scope is not among these.
  if (!std::binary_search(scopes_->begin(), scopes_->end(), scope)) return std::nullopt;
  return RowIn(scope, key);
}

absl::StatusOr<std::optional<Row>> ViewReader::RowIn(std::string_view scope,
                                                     std::string_view key) const {
  std::string bytes;
  ASSIGN_OR_RETURN(const bool found,
                   snapshot_->Get(Space::kRows, Cat(RowPrefix(view_->build, scope), key), &bytes));
  if (!found) return std::nullopt;
  Row row;
  if (!RowAccess::Parse(*view_->prototype, bytes, row)) {
    return DataLoss("view ", view_->info.name, ", scope ", scope, ", key ", Quoted(key),
                    ": the stored row does not parse: rebuild the read models");
  }
  return std::optional<Row>(std::move(row));
}

absl::StatusOr<std::optional<Row>> ViewReader::Get(std::string_view key) const {
  std::optional<Row> merged;
  for (const std::string& scope : *scopes_) {
    ASSIGN_OR_RETURN(std::optional<Row> row, RowIn(scope, key));
    if (!row) continue;
    if (!merged) {
      merged = std::move(row);
    } else {
      RETURN_IF_ERROR(view_->projection->Merge(*row, *merged));
    }
    if (!view_->projection->merges()) break;
  }
  return merged;
}

absl::Status ViewReader::CheckIndex(const std::string& index) const {
  const std::vector<std::string>& names = view_->indexes;
  if (std::find(names.begin(), names.end(), index) == names.end()) {
    std::string known;
    for (const std::string& name : names) known += Cat(known.empty() ? "" : ", ", name);
    return NotFound("view ", view_->info.name, " has no index ", Quoted(index),
                    names.empty() ? "; it has none" : "; there are: ", known);
  }
  if (view_->shown_version == 0) return absl::OkStatus();
  return Unavailable("view ", view_->info.name, " is shown as version ", view_->shown_version,
                     " left it, without index ", Quoted(index), ", until version ",
                     view_->info.version, " is made: try again later");
}

absl::StatusOr<std::unique_ptr<RowCursor>> ViewReader::Scan(const RowRange& range,
                                                            const RowPlace* after) const {
  if (!range.index.empty()) {
    RETURN_IF_ERROR(CheckIndex(range.index));
    return std::unique_ptr<RowCursor>(
        std::make_unique<IndexCursor>(*view_, snapshot_, scopes_, range, after));
  }
  KeyBounds bounds = BoundsOf(range);
  if (after != nullptr) bounds.lower = std::max(bounds.lower, Cat(after->key, '\0'));
  return std::unique_ptr<RowCursor>(
      std::make_unique<RowMerger>(*view_, snapshot_, *scopes_, std::move(bounds)));
}

absl::StatusOr<RowPage> ViewReader::Page(const PageWanted& wanted) const {
  const auto scan = [this](const RowRange& range, const RowPlace* after) {
    return Scan(range, after);
  };
  return ReadPage({view_->info.name, version(), view_->build, position_, scan}, wanted);
}

}  // namespace intentlog
