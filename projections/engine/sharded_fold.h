// A ShardedFold folds a log into read models with several threads, and gives byte for byte the rows
// and digests that one thread gives: a row belongs to one shard, by its own key, and takes its
// events in the log's order. It has no threads of its own.
//
//   Take blocks ─►  Decode(shard)       ─►  Fold(shard)         ─►  Write(shard)  ─►  Finish
//                   its slice of events:    the rows that it        the rows that     digests
//                   payloads, and keys by   owns, in position       it changed        added up,
//                   the shard that owns     order                                     checkpoints
//   ◄──────────────── EndBatch ──────────────────┘
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

  void Decode(size_t shard);
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

  void NoteScope(const BlockView& block, size_t index);
  void TouchParked(const Event& event, size_t index, Shard& shard);
  absl::Status FoldAlone(const EventRef& ref);
  absl::StatusOr<std::vector<FoldState>*> StatesOf(const std::string& scope);
  Failure Describe(const Event& event, size_t index, size_t projection, std::string_view key,
                   const absl::Status& status) const;

  Store& store_;
  const std::vector<OpenProjection> projections_;
  const std::shared_ptr<const Schema> schema_;
  const ShardedFoldOptions options_;
  bool any_decisions_ = false;
  std::unique_ptr<Taken> taken_;               // the batch in hand
  std::set<std::string, std::less<>> scopes_;  // that had events since the last Finish
  std::string_view last_scope_;                // in scopes_
  std::vector<std::unique_ptr<Shard>> shards_;
  std::map<std::string, std::vector<FoldState>, std::less<>> states_;  // by scope: of each build
};

}  // namespace intentlog
