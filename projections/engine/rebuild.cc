#include "projections/engine/rebuild.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/log_event_finder.h"

namespace intentlog {
namespace {

std::vector<std::unique_ptr<EventFinder>> SourcesOf(const EventLog& log,
                                                    const std::shared_ptr<const Schema>& schema,
                                                    size_t count) {
  std::vector<std::unique_ptr<EventFinder>> sources;
  while (sources.size() < count) sources.push_back(std::make_unique<LogEventFinder>(log, schema));
  return sources;
}

}  // namespace

Rebuild::Rebuild(const EventLog& log, Store& store, std::vector<OpenProjection> projections,
                 std::shared_ptr<const Schema> schema, Position after, const Clock& clock,
                 std::vector<Executor*> executors, const RebuildOptions& options, Hooks hooks)
    : log_(log),
      store_(store),
      clock_(clock),
      executors_(std::move(executors)),
      options_(options),
      hooks_(std::move(hooks)),
      fold_(store, std::move(projections), schema, SourcesOf(log, schema, executors_.size()),
            {.shards = executors_.size(),
             .batch_events_max = options.batch_events_max,
             .kept_rows_bytes_max = options.kept_rows_bytes_max}),
      taken_(after),
      written_(after) {}

void Rebuild::Post(std::function<void()> task) {
  ++tasks_;
  executors_[0]->Post([this, task = std::move(task)] {
    --tasks_;
    task();
  });
}

void Rebuild::Start() {
  started_ = clock_.Passed();
  reader_ = log_.Read(taken_.Next());
  Post([this] { Step(); });
}

// ---- a batch: fill, decode, fold, and now and then write

void Rebuild::Step() {
  if (cancelled_) return End(absl::CancelledError("the rebuild was cancelled"));
  const absl::StatusOr<bool> filled = FillBatch();
  if (!filled.ok()) return End(filled.status());
  if (!*filled) return Write();
  if (fold_.shards() == 1) return OnFolded();
  fold_.Deal();
  Run(&ShardedFold::Decode, [this] {
    if (!fold_.any_by_key()) return OnFolded();
    Run(&ShardedFold::Fold, [this] { OnFolded(); });
  });
}

// False if the log has no more. Its end is where a batch is not filled, not where there is nothing
// new: that might never be so while devices push.
absl::StatusOr<bool> Rebuild::FillBatch() {
  uint64_t taken = 0;
  while (taken < options_.batch_events_max && !fold_.full()) {
    if (!in_block_) {
      ASSIGN_OR_RETURN(in_block_, reader_->Next());
      at_end_ = !in_block_;
      if (at_end_) break;
      begin_ = reader_->begin();
    }
    const BlockView& block = reader_->block();
    ASSIGN_OR_RETURN(const size_t passed, fold_.Take(block, begin_));
    begin_ += passed;
    taken += passed;
    if (passed > 0) taken_ = block.position(begin_ - 1);
    in_block_ = begin_ < block.size();
  }
  events_ += taken;
  return taken > 0;
}

void Rebuild::Run(Phase phase, std::function<void()> next) {
  next_ = std::move(next);
  running_ = fold_.shards();
  for (size_t shard = 1; shard < fold_.shards(); ++shard) {
    ++tasks_;
    executors_[shard]->Post([this, phase, shard] {
      (fold_.*phase)(shard);
      executors_[0]->Post([this] {
        --tasks_;
        OnShardDone();
      });
    });
  }
  (fold_.*phase)(0);
  OnShardDone();
}

void Rebuild::OnShardDone() {
  if (--running_ == 0) std::exchange(next_, nullptr)();
}

void Rebuild::OnFolded() {
  if (const absl::Status status = fold_.EndBatch(); !status.ok()) return End(status);
  if (at_end_ || fold_.pending_bytes() >= options_.commit_bytes_max) return Write();
  GoOn();
}

void Rebuild::Write() {
  Run(&ShardedFold::Write, [this] { Commit(); });
}

void Rebuild::Commit() {
  StoreBatch batch;
  absl::Status status = fold_.Finish(taken_, batch);
  if (status.ok()) hooks_.committing(taken_, batch);
  if (status.ok()) status = store_.Commit(batch, at_end_ ? Sync::kDurable : Sync::kBuffered);
  if (!status.ok()) return End(status);
  fold_.Committed();
  written_ = taken_;
  hooks_.committed(written_);
  if (at_end_) return End(absl::OkStatus());
  GoOn();
}

// The next batch at once, or when the budget allows it.
void Rebuild::GoOn() {
  absl::Duration wait = absl::ZeroDuration();
  if (options_.events_per_second_max > 0) {
    const absl::Duration due =
        absl::Seconds(static_cast<double>(events_) / options_.events_per_second_max);
    wait = due - (clock_.Passed() - started_);
  }
  if (wait <= absl::ZeroDuration()) return Post([this] { Step(); });
  ++tasks_;
  executors_[0]->PostAfter(wait, [this] {
    --tasks_;
    Step();
  });
}

void Rebuild::End(absl::Status status) { hooks_.done(std::move(status), written_); }

}  // namespace intentlog
