// A ViewReader reads one view as of one moment: rows by key, in ranges and page by page, merged
// over scopes. It holds the moment, and with it bytes on disk that are outdated since: keep it no
// longer than it is read. A value; thread-safe. The store must outlive it and its cursors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_cursor.h"
#include "projections/engine/row_page.h"
#include "projections/engine/row_range.h"

namespace intentlog {

class ViewReader {
 public:
  // `scopes` in byte order.
  ViewReader(std::shared_ptr<const OpenProjection> view,
             std::shared_ptr<const StoreSnapshot> snapshot,
             std::shared_ptr<const std::vector<std::string>> scopes, Position position)
      : view_(std::move(view)),
        snapshot_(std::move(snapshot)),
        scopes_(std::move(scopes)),
        position_(position) {}

  // The greatest of its scopes: no row has been changed by a later event.
  Position position() const { return position_; }
  BuildId build() const { return view_->build; }
  uint32_t version() const {
    return view_->shown_version != 0 ? view_->shown_version : view_->info.version;
  }

  absl::StatusOr<std::optional<Row>> Get(std::string_view key) const;
  // One scope's row alone, unmerged, as stored.
  absl::StatusOr<std::optional<Row>> GetInScope(std::string_view scope, std::string_view key) const;
  // The rows of a range; `after`, unless it is null, is the place of a row to go on behind.
  // NOT_FOUND names the indexes there are; UNAVAILABLE: the rows shown are of another version of
  // the view, which need not have the index.
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(const RowRange& range,
                                                  const RowPlace* after = nullptr) const;
  absl::StatusOr<RowPage> Page(const PageWanted& wanted) const;

 private:
  // REQUIRES: `scope` is one of `scopes_`.
  absl::StatusOr<std::optional<Row>> RowIn(std::string_view scope, std::string_view key) const;
  absl::Status CheckIndex(const std::string& index) const;

  std::shared_ptr<const OpenProjection> view_;
  std::shared_ptr<const StoreSnapshot> snapshot_;
  std::shared_ptr<const std::vector<std::string>> scopes_;
  Position position_;
};

}  // namespace intentlog
