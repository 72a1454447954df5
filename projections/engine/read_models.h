// ReadModels are the rows of a set of projections in one Store, on a device or on the server:
// folded from events, read merged over scopes.
//
// Folding belongs to one thread, and to one ReadModels per store. Reading is thread-safe and sees
// the moment of the last Committed (or Open): whole batches, never a part of one. Store and
// projections must outlive this and its cursors.
//
//   for (each event of `scope` in (from, through])  RETURN_IF_ERROR(models->Add(*event));
//   RETURN_IF_ERROR(models->Finish(scope, through, batch));   // rows, digest, checkpoint into
//   `batch` RETURN_IF_ERROR(store->Commit(batch, …));                 // with whatever else must be
//   atomic models->Committed();                                      // if any of these failed:
//   Abandon()
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "eventlog/log/event.h"
#include "eventlog/store/store.h"
#include "projections/engine/compare.h"
#include "projections/engine/digest.h"
#include "projections/engine/event_finder.h"
#include "projections/engine/frozen_rows.h"
#include "projections/engine/parked_rows.h"
#include "projections/engine/projection.h"
#include "projections/engine/row_cursor.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/row_page.h"
#include "projections/engine/row_range.h"
#include "projections/engine/row_watch.h"
#include "projections/engine/view_reader.h"

namespace intentlog {

using Projections = std::vector<std::shared_ptr<const Projection>>;

// A build that is folded together with the live ones and that no name leads to: a shadow that waits
// to be activated, or what was live before.
struct Follower {
  std::shared_ptr<const Projection> projection;
  BuildId build = 0;
};

struct ReadModelsOptions {
  // Rows kept in memory between batches, so that hot ones are not read again. Holds the products of
  // a shop (some thousands) in each view; 0 keeps none.
  size_t kept_rows_bytes_max = 4 << 20;
  // Scopes whose checkpoints are kept in memory between batches: a few kilobytes each.
  size_t kept_scopes_max = 1000;
  std::vector<Follower> followers;
  // Of ReadModels that were open on the store before these: who watches their rows watches these
  // from the first read or commit on. Null: nobody does yet.
  std::shared_ptr<RowWatches> watches = nullptr;
  // Where a view's live build is of another version than the program's, or there is none yet while
  // others have been folded, it is shown as it is, and not folded: somebody else makes a new one
  // beside it. Otherwise the program's version begins at position 0 and is live at once.
  bool show_other_versions = false;
  // What is written is refused once another term has taken over (view_records.h). Nothing: only the
  // lock on the store's folder keeps others out.
  std::optional<Term> term;
};

// Of one projection and scope.
struct ScopeState {
  std::string scope;
  Position position;
  Digest128 digest;
  uint64_t rows = 0;
  uint64_t parked = 0;  // rows that stand still, because an event could not be folded into them
};

class ReadModels {
 public:
  // Finds each projection's key space; one that the store does not have yet gets its own with the
  // first Finish, and begins at position 0. Writes nothing. INVALID_ARGUMENT: two projections of
  // one name, rows that can not be equal byte for byte, or an index that can not be.
  static absl::StatusOr<std::unique_ptr<ReadModels>> Open(Store& store, Projections projections,
                                                          const ReadModelsOptions& options = {});
  ~ReadModels();

  const Projections& projections() const;
  // Null if there is no such view.
  const Projection* Find(std::string_view view) const;

  // ---- folding
  // Where parked events are found again when somebody decides about them. Null: nowhere. `events`
  // must outlive this, or the next call.
  void FindEventsIn(EventFinder* events);
  // Folds one event into every projection, in memory: effective ones into all, others into those
  // that fold decisions. A projection that has the event already (its checkpoint is further than
  // Through) leaves it out. An event that cannot be folded into a row parks that row alone. An
  // error names projection, scope and position; nothing of the batch takes effect, and only Abandon
  // is allowed then. FAILED_PRECONDITION: not above the scope's last event, or above no
  // projection's checkpoint.
  absl::Status Add(const Event& event);
  // `batch` is refused once another term has taken over. Finish does so, too.
  void ExpectOwnTerm(StoreBatch& batch) const;
  // Ends a scope's part: rows, digest, row count and checkpoint go into `batch`. Events of several
  // scopes may be added before each scope is finished.
  absl::Status Finish(std::string_view scope, Position through, StoreBatch& batch);
  // The batch is committed: readers see it.
  void Committed();
  // Forgets all that was added and is not committed. The caller goes on from Through().
  void Abandon();
  // Memory of rows that the batch holds, about; a caller commits when it grows large.
  size_t pending_bytes() const;

  // (view, scope, key) of every row that the last committed batch changed, if tracking is on; until
  // the next Committed or Abandon.
  struct Change {
    const Projection* projection;
    std::string scope;
    std::string key;
  };
  void TrackChanges(bool on);
  const std::vector<Change>& changes() const;

  // ---- a scope's rows as a whole
  // Where a projection's rows are, for ReplacedRows. REQUIRES: it is listed and folded here.
  const OpenProjection& Opened(const Projection& projection) const;
  // Ends the replacement of all rows that the projections have in a scope: they are now what was
  // folded through `through`, with these states, in the order of projections(). Position 0: the
  // scope is as if it had never been folded. Whatever was read of it is read again after
  // Committed; until then readers see the rows that were there. REQUIRES: nothing of the scope is
  // added and not committed.
  absl::Status FinishReplaced(std::string_view scope, Position through,
                              absl::Span<const ScopeState> states, StoreBatch& batch);

  // ---- reading
  // Position through which every projection that is folded here has folded `scope`; 0 if one never
  // did.
  absl::StatusOr<Position> Through(std::string_view scope) const;
  // The view as it is now, for several reads of one moment.
  absl::StatusOr<ViewReader> Read(std::string_view view) const;
  // In byte order of scopes. NOT_FOUND names an unknown view and lists those there are.
  absl::StatusOr<std::vector<ScopeState>> Scopes(std::string_view view) const;
  // Of one scope, whatever the number of scopes is; at position 0 if the view has nothing of it.
  absl::StatusOr<ScopeState> InScope(std::string_view view, std::string_view scope) const;
  // The greatest position of the view's scopes: no row has been changed by a later event.
  absl::StatusOr<Position> Latest(std::string_view view) const;
  absl::StatusOr<std::optional<Row>> Get(std::string_view view, std::string_view key) const;
  // Up to `limit` rows that stand still, by scope and key: of the live build, or of one that
  // follows.
  absl::StatusOr<std::vector<ParkedRow>> Parked(std::string_view view, size_t limit,
                                                std::optional<BuildId> build = {}) const;
  // One scope's row alone, unmerged, as stored.
  absl::StatusOr<std::optional<Row>> GetInScope(std::string_view view, std::string_view scope,
                                                std::string_view key) const;
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view,
                                                  std::string_view from_key = {}) const;
  // A page of rows in the order of their keys, or of an index: see ViewReader::Scan and ReadPage.
  absl::StatusOr<RowPage> Page(std::string_view view, const PageWanted& wanted) const;

  // Watches rows whose key begins with `prefix`, from now on; with `begins`, what is taken first
  // are all of them.
  absl::StatusOr<std::unique_ptr<RowWatch>> Watch(std::string_view view, std::string_view prefix,
                                                  const RowWatchLimits& limits, bool begins) const;
  // What changed since it was last taken: the rows of `keys` are to be read from `reader`, or, if
  // it `begins`, all of the prefix, and what was read before is void. That happens too when the
  // view was switched to another build, and where more keys waited than the limits allow.
  struct Changes {
    ViewReader reader;
    bool begins = false;
    std::set<std::string, std::less<>> keys;
  };
  // Nothing if others were opened after these, and are what is to be asked. REQUIRES: Serves.
  absl::StatusOr<std::optional<Changes>> TakeChanges(RowWatch& watch) const;
  bool Serves(const RowWatch& watch) const;
  // For who opens the store's read models anew.
  std::shared_ptr<RowWatches> watches() const;

  // Of all projections, in byte order.
  std::vector<std::string> ScopeNames() const;
  // Of the rows that are shown; 0: there are none yet, and reading them is UNAVAILABLE.
  uint32_t ShownVersion(std::string_view view) const;
  // Whether the view's live build is folded here.
  bool IsFolded(std::string_view view) const;
  // Null until the first Finish is committed, if the view is new here.
  std::optional<BuildId> LiveBuild(std::string_view view) const;
  // As of the last Committed: the live builds of views that are folded here, of the program's
  // versions. What stands beside them is not in it.
  FrozenRows Freeze() const;
  // The live build of a view as `a`, another one as `b`. REQUIRES: `build` follows.
  absl::StatusOr<BuildComparison> Compare(std::string_view view, BuildId build, size_t limit) const;

 private:
  struct Rep;
  explicit ReadModels(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
