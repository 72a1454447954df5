// What ReadModels are made of. Private to read_models*.cc.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_fold.h"
#include "projections/engine/row_keys.h"

namespace intentlog {

// What readers see: the store at the last commit.
struct Published {
  std::shared_ptr<const StoreSnapshot> snapshot;
  std::shared_ptr<const std::vector<std::string>> scopes;  // of all projections, in byte order
  std::shared_ptr<const std::vector<Position>> latest;     // of each of `open`, over its scopes
};

// The folds of one scope, one per projection.
struct ScopeFold {
  std::vector<std::unique_ptr<RowFold>> folds;
  bool folds_any = false;  // some projection is folded
  Position last;           // greatest position added or finished
  bool added = false;      // has events since its last Finish
};

absl::StatusOr<FoldState> ReadState(const StoreSnapshot& snapshot, BuildId build,
                                    std::string_view scope);

// Calls use(scope, bytes) for every checkpoint of `build`, in byte order of scopes.
template <class Use>
absl::Status ForEachCheckpoint(const StoreSnapshot& snapshot, BuildId build, Use use) {
  const std::string prefix = CheckpointPrefix(build);
  const std::unique_ptr<StoreCursor> cursor = snapshot.Scan(Space::kMeta);
  for (cursor->Seek(prefix); cursor->Valid(); cursor->Next()) {
    const std::string_view key = cursor->key();
    if (key.substr(0, prefix.size()) != prefix) break;
    RETURN_IF_ERROR(use(key.substr(prefix.size()), cursor->value()));
  }
  return cursor->status();
}

struct ReadModels::Rep {
  Rep(Store& the_store, Projections projections, const ReadModelsOptions& the_options)
      : store(the_store),
        options(the_options),
        listed(std::move(projections)),
        watches(options.watches != nullptr ? options.watches : std::make_shared<RowWatches>()),
        cache(options.kept_rows_bytes_max, listed.size() + options.followers.size()),
        unnoted(listed.size(), false) {}

  absl::Status OpenProjections();
  absl::Status FindBuilds();
  absl::Status LoadScopes();
  void WriteNewBuilds(StoreBatch& batch);
  void JoinWatches();

  absl::StatusOr<ScopeFold*> Scope(std::string_view scope);
  absl::Status CheckAdd(const Event& event, const ScopeFold& scope) const;
  absl::Status Fold(const Event& event, ScopeFold& scope);
  absl::Status Release(const Event& event, ScopeFold& scope);
  // Whether the rows of `open[i]` that the batch in hand changes are to be noted for who watches.
  bool NotesRows(size_t i);
  void DropIdleScopes();
  void Publish();
  void TellWatches();

  Published Seen() const {
    std::lock_guard<std::mutex> lock(mutex);
    return published;
  }
  absl::StatusOr<const OpenProjection*> View(std::string_view name) const;
  absl::StatusOr<const OpenProjection*> Readable(std::string_view name) const;
  ViewReader ReaderOf(const OpenProjection& one) const;

  // Constant after Open.
  Store& store;
  const ReadModelsOptions options;
  const Projections listed;
  std::vector<OpenProjection> open;                           // as listed, then the followers
  std::vector<std::shared_ptr<const OpenProjection>> shared;  // the same, for readers
  const std::shared_ptr<RowWatches> watches;
  uint64_t opening = 0;        // among those of `watches`
  bool any_decisions = false;  // one of them folds what is not effective

  // Of the folding thread. Folds refer to the cache and are destroyed before it.
  RowCache cache;
  std::map<std::string, ScopeFold, std::less<>> scopes;
  std::string_view last_scope_name;  // key in `scopes`
  ScopeFold* last_scope = nullptr;   // events in a row often share a scope
  std::vector<std::string> new_scopes;
  bool builds_written = true;
  std::vector<size_t> unwritten;  // of `open`: new here
  BuildId builds_last = 0;
  bool failed = false;    // only Abandon is allowed
  bool replaced = false;  // a scope as a whole, by the batch in hand
  EventFinder* events = nullptr;
  KeySink keys;
  bool tracking = false;
  std::vector<Change> changed;  // by the batch in hand
  std::vector<Change> changes;  // by the last committed one
  // By the batch in hand: changed rows of views that were watched when they were finished, by place
  // in `open`, and views that were not.
  std::vector<std::pair<size_t, std::string>> noted;
  std::vector<bool> unnoted;
  std::vector<Position> latest;  // of each of `open`

  mutable std::mutex mutex;
  Published published;  // protected by mutex
};

}  // namespace intentlog
