// Folding of rows in memory. A RowFold is the rows of one projection in one scope that a batch
// touches: read when first touched, changed by Apply, written once by Finish. A RowCache owns the
// rows of all folds and keeps the last used ones between batches, so that hot rows are not read
// again.
//
// Thread-compatible; all folds of a cache belong to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "projections/engine/digest.h"
#include "projections/engine/event_finder.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/parked_rows.h"
#include "projections/engine/projection.h"
#include "projections/engine/row_index.h"

namespace intentlog {

class RowFold;

// A row in memory, and what is known of the bytes that the store has of it.
struct HotRow {
  std::string key;
  Digest128 stored;
  size_t stored_bytes = 0;
  bool is_stored = false;
  bool touched = false;  // since the last Finish; not in the cache's order then
  Row row;
  std::unique_ptr<IndexedAs> indexed;  // in the store; null: in no index
  RowFold* fold = nullptr;
  size_t charge = 0;
  HotRow* older = nullptr;
  HotRow* newer = nullptr;
};

class RowCache {
 public:
  RowCache(size_t kept_bytes_max, size_t projections);

  // An empty row for `fold`, which is projection number `projection`.
  HotRow* Take(RowFold* fold, size_t projection, std::string_view key);
  // The row leaves the order while a batch changes it, and is the newest afterwards.
  void Hold(HotRow* row);
  void Keep(HotRow* row);
  // Forgets the oldest kept rows until the limit holds.
  void Trim();
  // Takes back a row that is in no fold and not in the order.
  void Free(HotRow* row, size_t projection);

  size_t held_bytes() const { return held_bytes_; }
  void AddHeldBytes(size_t bytes) { held_bytes_ += bytes; }
  void ClearHeldBytes() { held_bytes_ = 0; }

 private:
  friend class RowFold;
  void Unlink(HotRow* row);

  // Rows that no batch holds, by last use.
  struct Order {
    size_t bytes_max = 0;
    size_t bytes = 0;
    HotRow* oldest = nullptr;
    HotRow* newest = nullptr;
  };
  Order& OrderOf(const HotRow& row);
  void Trim(Order& order);

  Order small_;
  Order large_;
  size_t held_bytes_ = 0;
  std::vector<std::vector<std::unique_ptr<HotRow>>> free_;  // by projection
};

// What a fold knows of itself; stored as a Checkpoint.
struct FoldState {
  Position position;
  Digest128 digest;
  uint64_t rows = 0;
  uint64_t parked = 0;  // of the rows, those that stand still

  // With what another fold of the scope added. Of one that only removed rows, the numbers are
  // modulo 2^64.
  void Add(const FoldState& other) {
    digest.Add(other.digest);
    rows += other.rows;
    parked += other.parked;
  }
};

// Serialized Checkpoint and back. DATA_LOSS if the bytes are not one.
std::string CheckpointBytes(const FoldState& state);
absl::StatusOr<FoldState> ParseCheckpoint(std::string_view bytes);

class RowFold {
 public:
  // `may_have_parked` is false if the store has no parked row of this build and scope, for certain.
  RowFold(const OpenProjection& projection, size_t number, std::string_view scope,
          const FoldState& state, bool may_have_parked, const Store& store, RowCache& cache);
  ~RowFold();
  RowFold(const RowFold&) = delete;
  RowFold& operator=(const RowFold&) = delete;

  const FoldState& state() const { return state_; }
  bool has_rows() const { return !rows_.empty(); }

  // Folds the event into a row. If the projection cannot, or could not fold an earlier one, the row
  // is parked, and the event waits. An error is of the store.
  absl::Status Apply(const Event& event, std::string_view key);
  // Does what was decided about parked rows. `events` is where they are found; if it is null, that
  // is FAILED_PRECONDITION as soon as one is wanted.
  absl::Status Release(const Unpark& decided, EventFinder* events);
  // Writes the rows that changed into `batch`; digest and number of rows follow. Calls
  // `changed(key)` for each changed row.
  template <class Changed>
  void WriteRows(StoreBatch& batch, Changed changed) {
    SortTouched();
    for (HotRow* row : touched_) {
      if (Write(row, batch)) changed(row->key);
      cache_.Keep(row);
    }
    touched_.clear();
    parked_.Write(batch);
  }
  void WriteCheckpoint(Position through, StoreBatch& batch);
  // Of a fold that began with an empty state: what it added since, for the state of all folds of
  // the scope; it begins anew.
  FoldState TakeState() { return std::exchange(state_, {}); }

 private:
  friend class RowCache;
  // By key.
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const;
    size_t operator()(const HotRow* row) const { return (*this)(row->key); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const HotRow* a, std::string_view key) const { return a->key == key; }
    bool operator()(const HotRow* a, const HotRow* b) const { return a->key == b->key; }
  };

  // The row, held by the batch in hand.
  absl::StatusOr<HotRow*> Touch(std::string_view key);
  absl::StatusOr<HotRow*> Find(std::string_view key);
  absl::StatusOr<bool> WaitIfParked(const Event& event, std::string_view key);
  void Park(const Event& event, std::string_view key, const absl::Status& why);
  // The cache forgets `row`, which no batch holds.
  void Forget(HotRow* row);
  absl::Status Load(HotRow* row);
  // Rows are written in the order of keys: the store takes these in faster.
  void SortTouched();
  bool Write(HotRow* row, StoreBatch& batch);
  void WriteIndexes(HotRow* row, StoreBatch& batch);

  const OpenProjection& projection_;
  const size_t number_;
  const std::string checkpoint_key_;
  const std::string scope_;
  const Store& store_;
  RowCache& cache_;
  FoldState state_;
  ParkedRows parked_;
  const ScopeIndexes indexes_;
  std::string row_key_;  // prefix, then the row in hand
  const size_t prefix_size_;
  std::string bytes_;
  absl::flat_hash_set<HotRow*, Hash, Equal> rows_;
  std::vector<HotRow*> touched_;  // in order of first touch
  HotRow* last_ = nullptr;        // events in a row often share a key
};

}  // namespace intentlog
