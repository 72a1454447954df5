#include "client/row_stream.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "projections/engine/row_access.h"

namespace intentlog {

struct RowStream::Shared : std::enable_shared_from_this<Shared> {
  Shared(Executor& executor_in, const RowWatchLimits& limits, std::function<void()> ready_in)
      : executor(executor_in), ready(std::move(ready_in)), changed(limits, /*begins=*/true) {}

  void Note(std::string_view key) {
    const std::lock_guard<std::mutex> lock(mutex);
    changed.Note(key);
    Call();
  }
  // REQUIRES: mutex is held.
  void Call() {
    if (!waits || closed) return;
    waits = false;
    executor.Post([self = shared_from_this()] {
      {
        const std::lock_guard<std::mutex> lock(self->mutex);
        if (self->closed) return;
      }
      self->ready();
    });
  }

  Executor& executor;
  const std::function<void()> ready;
  std::mutex mutex;
  ChangedKeys changed;  // protected by mutex, as all below
  bool waits = true;    // the application, for `ready`
  bool closed = false;
};

RowStream::RowStream(std::shared_ptr<Watchers> watchers, Executor& executor,
                     const std::string& view, std::string prefix, const RowWatchLimits& limits,
                     Rows rows, std::function<void()> ready)
    : watchers_(std::move(watchers)),
      shared_(std::make_shared<Shared>(executor, limits, std::move(ready))),
      watch_(watchers_->AddNote(view, prefix,
                                [shared = shared_](std::string_view key) { shared->Note(key); })),
      rows_(std::move(rows)) {
  range_.prefix = std::move(prefix);
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  shared_->Call();
}

RowStream::~RowStream() {
  watchers_->Remove(watch_);
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  shared_->closed = true;
}

absl::StatusOr<TakenRows> RowStream::Take(size_t limit) {
  INTENTLOG_CHECK(limit > 0);
  TakenRows taken;
  if (!scanning_ && keys_.empty()) {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    ChangedKeys::Taken changed = shared_->changed.Take();
    taken.begins = scanning_ = changed.begins;
    scanned_.reset();
    keys_ = std::move(changed.keys);
  }
  RETURN_IF_ERROR(scanning_ ? TakeScanned(limit, taken) : TakeChanged(limit, taken));
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  taken.more = scanning_ || !keys_.empty() || !shared_->changed.empty();
  shared_->waits = !taken.more;
  return taken;
}

// What changes behind the place where this is comes afterwards, as any change.
absl::Status RowStream::TakeScanned(size_t limit, TakenRows& taken) {
  ASSIGN_OR_RETURN(const auto cursor, rows_.scan(range_, scanned_ ? &*scanned_ : nullptr));
  while (taken.rows.size() < limit) {
    const absl::StatusOr<const MergedRow*> row = cursor->Next();
    if (!row.ok()) {
      // A row's own error comes once; that of the store stays.
      if (!taken.problems.empty() && taken.problems.back() == row.status()) return row.status();
      taken.problems.push_back(row.status());
      continue;
    }
    scanning_ = *row != nullptr;
    if (!scanning_) return absl::OkStatus();
    scanned_ = {"", (*row)->key};
    taken.rows.push_back({(*row)->key, RowAccess::Copy((*row)->row)});
  }
  return absl::OkStatus();
}

absl::Status RowStream::TakeChanged(size_t limit, TakenRows& taken) {
  while (!keys_.empty() && taken.rows.size() < limit) {
    const std::string& key = *keys_.begin();
    absl::StatusOr<std::optional<Row>> row = rows_.get(key);
    if (row.ok()) {
      taken.rows.push_back({key, *std::move(row)});
    } else {
      taken.problems.push_back(row.status());
    }
    keys_.erase(keys_.begin());
  }
  return absl::OkStatus();
}

}  // namespace intentlog
