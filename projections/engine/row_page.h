// Rows of a range, page by page. Each page ends with a token, which says where the next one begins:
// no state is kept for whoever reads. Pages are of a moment each; a row that neither changes its
// key nor comes or goes in between is in exactly one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "projections/engine/row_cursor.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/row_range.h"

namespace intentlog {

struct PageWanted {
  RowRange range;
  std::string after;  // RowPage::more of the page before, of the same range; empty: from the start
  // A page ends with either, but has one row at least if there is one.
  size_t rows_max = 1000;
  size_t bytes_max = 1 << 20;
};

struct RowPage {
  std::vector<MergedRow> rows;
  std::string more;   // a token; empty: there are no rows behind these
  Position position;  // of the moment: that of the view's last change
  uint32_t version = 0;
};

// The rows that a page is of.
struct PageSource {
  std::string_view view;
  uint32_t version = 0;
  BuildId build = 0;
  Position position;
  // `after` is null at the beginning.
  using Scan = absl::FunctionRef<absl::StatusOr<std::unique_ptr<RowCursor>>(const RowRange& range,
                                                                            const RowPlace* after)>;
  Scan scan;
};

// INVALID_ARGUMENT if `after` is not a token, or one of another view, index or range. The token of
// another build of the view holds: the page begins behind the same key.
absl::StatusOr<RowPage> ReadPage(const PageSource& source, const PageWanted& wanted);

}  // namespace intentlog
