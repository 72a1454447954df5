// A RowStream shows an application the rows of a view whose keys begin with a prefix, as a device
// shows them: all that are there, and then each that changes, by its own work or by others'. The
// application takes them when it likes. A row that changes again before it is taken is taken once,
// as it is then; so who is slow has the last state of every row in the end, and nothing grows.
//
//   while (true) {                                  // when `ready` was called
//     ASSIGN_OR_RETURN(const TakenRows taken, stream->Take(100));
//     if (taken.begins) list.clear();
//     for (const ShownRow& row : taken.rows) row.row ? list.Put(row) : list.Remove(row.key);
//     if (!taken.more) break;
//   }
//
// Thread-compatible. It must be gone before the client is.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/watchers.h"
#include "eventlog/runtime/executor.h"
#include "projections/engine/projection.h"
#include "projections/engine/row_cursor.h"
#include "projections/engine/row_range.h"
#include "projections/engine/row_watch.h"

namespace intentlog {

struct ShownRow {
  std::string key;
  std::optional<Row> row;  // nothing: there is none any more
};

struct TakenRows {
  bool begins = false;  // what was taken before is void: all rows come again
  std::vector<ShownRow> rows;
  // Rows that cannot be shown, because a pending intent cannot be folded: each is taken when that
  // is over.
  std::vector<absl::Status> problems;
  bool more = false;  // take again; otherwise `ready` is called when there is something
};

class RowStream {
 public:
  // Where rows are read.
  struct Rows {
    std::function<absl::StatusOr<std::optional<Row>>(const std::string& key)> get;
    std::function<absl::StatusOr<std::unique_ptr<RowCursor>>(const RowRange&, const RowPlace*)>
        scan;
  };
  // `ready` is called on the executor; both must outlive the stream. Begins at once.
  RowStream(std::shared_ptr<Watchers> watchers, Executor& executor, const std::string& view,
            std::string prefix, const RowWatchLimits& limits, Rows rows,
            std::function<void()> ready);
  ~RowStream();
  RowStream(const RowStream&) = delete;
  RowStream& operator=(const RowStream&) = delete;

  // Up to `limit` rows, in ascending byte order of keys within what changed together. An error is
  // of the store; nothing is lost, the next call goes on. REQUIRES: limit > 0.
  absl::StatusOr<TakenRows> Take(size_t limit);

 private:
  struct Shared;  // with the watchers

  absl::Status TakeScanned(size_t limit, TakenRows& taken);
  absl::Status TakeChanged(size_t limit, TakenRows& taken);

  const std::shared_ptr<Watchers> watchers_;
  const std::shared_ptr<Shared> shared_;
  const Watchers::WatchId watch_;
  const Rows rows_;
  RowRange range_;
  bool scanning_ = false;
  std::optional<RowPlace> scanned_;  // the last row that was taken
  std::set<std::string, std::less<>> keys_;
};

}  // namespace intentlog
