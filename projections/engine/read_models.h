// ReadModels are the rows of a set of projections in one Store, on a device or on the server: folded
// from events, read merged over scopes.
//
// Folding (Add, Finish, Abandon) belongs to one thread. Reading is thread-safe and sees what was
// committed. Store and projections must outlive this.
//
//   for (each event of `scope` in (from, through])  RETURN_IF_ERROR(models->Add(*event));
//   RETURN_IF_ERROR(models->Finish(scope, through, batch));   // rows, digest, checkpoint into `batch`
//   RETURN_IF_ERROR(store->Commit(batch, …));                 // with whatever else must be atomic
//   models->Committed();
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event.h"
#include "eventlog/store/store.h"
#include "projections/engine/digest.h"
#include "projections/engine/projection.h"

namespace intentlog {

using Projections = std::vector<std::shared_ptr<const Projection>>;

// Of one projection and scope.
struct ScopeState {
  std::string scope;
  Position position;
  Digest128 digest;
  uint64_t rows = 0;
};

struct MergedRow {
  std::string key;
  Row row;
};

// Rows of one view in ascending byte order of keys, merged over scopes. Sees one moment.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  // The next row, valid until the next call; null at the end.
  virtual absl::StatusOr<const MergedRow*> Next() = 0;
};

class ReadModels {
 public:
  // Gives every projection its key space (name, version, build), made on first use.
  static absl::StatusOr<std::unique_ptr<ReadModels>> Open(Store& store, Projections projections);
  ~ReadModels();

  const Projections& projections() const;
  // Null if there is no such view.
  const Projection* Find(std::string_view view) const;

  // ---- folding
  // Folds one event into every projection, in memory. An error names projection, key and position, and
  // nothing of the batch takes effect (call Abandon).
  absl::Status Add(const Event& event);
  // Ends a scope's part: rows, digest, row count and checkpoint go into `batch`. Events of several
  // scopes may be added before each scope is finished.
  absl::Status Finish(std::string_view scope, Position through, StoreBatch& batch);
  // The batch is committed: readers see it. What changed, for watchers, until the next Add.
  void Committed();
  void Abandon();
  // Memory of rows held since the last Committed; a caller commits when it grows large.
  size_t pending_bytes() const;

  // (view, scope, key) of every row that the last committed batch changed, if tracking is on.
  struct Change {
    const Projection* projection;
    std::string scope;
    std::string key;
  };
  void TrackChanges(bool on);
  const std::vector<Change>& changes() const;

  // ---- reading
  // Position through which `scope` is folded; 0 if never. All projections of a store move together.
  absl::StatusOr<Position> Through(std::string_view scope) const;
  // NOT_FOUND names an unknown view and lists those there are.
  absl::StatusOr<std::vector<ScopeState>> Scopes(std::string_view view) const;
  absl::StatusOr<std::optional<Row>> Get(std::string_view view, std::string_view key) const;
  // One scope's row alone, unmerged, as stored.
  absl::StatusOr<std::optional<Row>> GetInScope(std::string_view view, std::string_view scope,
                                                std::string_view key) const;
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view,
                                                  std::string_view from_key = {}) const;

 private:
  struct Rep;
  explicit ReadModels(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
