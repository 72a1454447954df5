// A ShardedFold folds a log into read models with several threads, and gives byte for byte the rows
// and digests that one thread gives: a row belongs to one shard, for good, and takes its events in
// the log's order. It has no threads of its own.
//
//   Take, Deal  ─►  Decode(shard)     ─►  Fold(shard)      ─►  Write(shard)  ─►  Finish
//   blocks of       of its own scopes     of the others        the rows that     digests are
//   a batch, and    all there is to do;   the rows that it     it changed        added up,
//   their scopes    of others a slice     owns by key                            checkpoints
//   ◄────────────────────── EndBatch ──────────┘
//
// A scope that is small beside what falls to a shard belongs to one shard, with all its rows: what
// one shard decodes is then folded by it, while it is in its cache. The rows of a large one are
// dealt by their keys. Which it is says the first batch that has events of it.
//
// Decode of different shards may run side by side, so may Fold once every Decode is done, and Write
// between batches. All else belongs to one thread, while no shard is at work. With one shard, Take
// decodes and folds at once. The store must outlive the fold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/block.h"
#include "eventlog/log/event.h"
#include "eventlog/schema/schema.h"
#include "eventlog/store/store.h"
#include "projections/engine/row_fold.h"

namespace intentlog {

struct ShardedFoldOptions {
  size_t shards = 1;
  // Events of one batch. Shards wait for each other twice a batch, which costs about 50 µs each
  // time; all of the batch's payloads are in memory.
  size_t batch_events_max = 8192;
  // Rows kept in memory between commits, of all shards together.
  size_t kept_rows_bytes_max = 64 << 20;
};

class ShardedFold {
 public:
  // The builds go on from their checkpoints. `events` has one source for each shard, where parked
  // events are found again.
  ShardedFold(Store& store, std::vector<OpenProjection> projections,
              std::shared_ptr<const Schema> schema,
              std::vector<std::unique_ptr<EventFinder>> events, const ShardedFoldOptions& options);
  ~ShardedFold();

  // Takes events of the block from index `begin` on, until the batch is full, and returns how many
  // it has passed. Events come in position order, each once. The block may go away afterwards.
  absl::StatusOr<size_t> Take(const BlockView& block, size_t begin);
  // Decode and Fold are wanted before more is taken.
  bool full() const;
  size_t shards() const;

  // Nothing more is taken into this batch. REQUIRES: more than one shard, as for all up to
  // EndBatch.
  void Deal();
  void Decode(size_t shard);
  // Whether there is anything to do for Fold.
  bool any_by_key() const;
  void Fold(size_t shard);
  // Ends the batch. The error that is first in position order names projection, scope, key and
  // position; only destruction is allowed then.
  absl::Status EndBatch();
  void Write(size_t shard);

  // Memory of rows that are not written yet, about.
  size_t pending_bytes() const;
  // Everything through `through` was taken: what the shards wrote goes into `batch`, with
  // checkpoints. REQUIRES: no batch is in hand, and every shard has written.
  absl::Status Finish(Position through, StoreBatch& batch);
  void Committed();

 private:
  struct Shard;
  struct Failure {
    size_t event = SIZE_MAX;
    absl::Status status;
  };
  struct Taken;
  struct TakenScope;

  TakenScope* ScopeOf(std::string_view name);
  void FoldOwn(size_t number);
  void DecodeSlice(size_t number);
  absl::Status FoldAtOnce(const EventRef& ref, Shard& shard);
  void TouchParked(const Event& event, size_t index, Shard& shard);
  absl::StatusOr<std::vector<FoldState>*> StatesOf(const std::string& scope);
  absl::Status Describe(const Event& event, size_t projection, std::string_view key,
                        const absl::Status& status) const;

  Store& store_;
  const std::vector<OpenProjection> projections_;
  const std::shared_ptr<const Schema> schema_;
  const ShardedFoldOptions options_;
  bool any_decisions_ = false;
  std::unique_ptr<Taken> taken_;  // the batch in hand
  std::map<std::string, std::unique_ptr<TakenScope>, std::less<>> scopes_;
  std::string_view last_name_;  // neighbours are often of one scope
  TakenScope* last_scope_ = nullptr;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::map<std::string, std::vector<FoldState>, std::less<>> states_;  // by scope: of each build
};

}  // namespace intentlog
