// A Rebuild folds a log from where its builds stand up to the log's end, with some threads, beside
// whatever reads and writes the store's other builds.
//
// Methods on the first executor; hooks are called there. Destroy it when idle() only, or when the
// executors run nothing more. Log, store and executors must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "projections/engine/sharded_fold.h"

namespace intentlog {

struct RebuildOptions {
  // Rows in memory before they are written: a row that changes often is written once for all of its
  // changes within this.
  size_t commit_bytes_max = 32 << 20;
  size_t kept_rows_bytes_max = 64 << 20;
  size_t batch_events_max = 8192;
  // Leaves the processor to others; 0: as fast as it goes.
  uint64_t events_per_second_max = 0;
};

class Rebuild {
 public:
  struct Hooks {
    // `batch` makes everything through `through` durable; what is added to it goes with it.
    std::function<void(Position through, StoreBatch& batch)> committing;
    std::function<void(Position through)> committed;
    // Once: the log's end is reached, Cancel was called (CANCELLED), or it failed.
    std::function<void(absl::Status status, Position through)> done;
  };

  // Folds events above `after`. The first executor reads and writes, and is the first worker; each
  // other one is one worker more.
  Rebuild(const EventLog& log, Store& store, std::vector<OpenProjection> projections,
          std::shared_ptr<const Schema> schema, Position after, const Clock& clock,
          std::vector<Executor*> executors, const RebuildOptions& options, Hooks hooks);

  void Start();
  void Cancel() { cancelled_ = true; }
  bool idle() const { return tasks_ == 0; }

 private:
  using Phase = void (ShardedFold::*)(size_t shard);

  void Post(std::function<void()> task);
  void Step();
  absl::StatusOr<bool> FillBatch();
  // Runs `phase` for every shard, then `next`.
  void Run(Phase phase, std::function<void()> next);
  void OnShardDone();
  void OnFolded();
  void Write();
  void Commit();
  void GoOn();
  void End(absl::Status status);

  const EventLog& log_;
  Store& store_;
  const Clock& clock_;
  const std::vector<Executor*> executors_;
  const RebuildOptions options_;
  const Hooks hooks_;
  ShardedFold fold_;
  std::unique_ptr<BlockReader> reader_;
  size_t begin_ = 0;       // in the reader's block
  bool in_block_ = false;  // events of it are still to be taken
  Position taken_;         // through which events were taken
  Position written_;       // … and are durable
  bool at_end_ = false;
  bool cancelled_ = false;
  size_t running_ = 0;  // shards of the phase in hand
  std::function<void()> next_;
  absl::Duration started_;  // passed time
  uint64_t events_ = 0;
  int tasks_ = 0;
};

}  // namespace intentlog
