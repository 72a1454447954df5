#include "tools/commands/view_trial.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/asof/temporary_store.h"
#include "projections/engine/row_access.h"
#include "tools/commands/source_as_of.h"

namespace intentlog {
namespace {

constexpr size_t kCopyBytes = 4 << 20;

// The rows that the place has, kept until the others are folded: returns their position.
absl::StatusOr<Position> CopyLive(Source& source, const std::string& view, Store& to) {
  StoreBatch batch;
  const auto put = [&](std::string_view key, const Row& row) -> absl::Status {
    batch.Put(Space::kRows, key, RowBytes(row));
    if (batch.bytes() < kCopyBytes) return absl::OkStatus();
    RETURN_IF_ERROR(to.Commit(batch, Sync::kBuffered));
    batch.Clear();
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(const Position through, source.Dump(view, put));
  RETURN_IF_ERROR(to.Commit(batch, Sync::kBuffered));
  return through;
}

// Walks both sides in the order of keys.
class Comparing {
 public:
  Comparing(size_t limit, ViewTrial& trial) : limit_(limit), trial_(trial) {}

  absl::Status Run(const Store& live, RowCursor& tried) {
    const auto cursor = live.Scan(Space::kRows);
    cursor->Seek("");
    ASSIGN_OR_RETURN(const MergedRow* row, tried.Next());
    while (cursor->Valid() || row != nullptr) {
      const bool only_live = row == nullptr || (cursor->Valid() && cursor->key() < row->key);
      const bool only_tried = !cursor->Valid() || (row != nullptr && row->key < cursor->key());
      std::optional<std::string> a, b;
      if (!only_tried) a = std::string(cursor->value());
      if (!only_live) b = RowBytes(row->row);
      Take(std::string(only_live ? cursor->key() : row->key), std::move(a), std::move(b));
      if (!only_tried) cursor->Next();
      if (!only_live) {
        ASSIGN_OR_RETURN(row, tried.Next());
      }
    }
    return cursor->status();
  }

 private:
  void Take(std::string key, std::optional<std::string> live, std::optional<std::string> tried) {
    Count(key, live, trial_.live);
    Count(key, tried, trial_.tried);
    if (live == tried) return;
    if (!tried) {
      ++trial_.live.alone;
    } else if (!live) {
      ++trial_.tried.alone;
    } else {
      ++trial_.different;
    }
    if (trial_.first.size() >= limit_) return;
    trial_.first.push_back({std::move(key), std::move(live), std::move(tried)});
  }
  static void Count(const std::string& key, const std::optional<std::string>& row,
                    ViewTrial::Side& side) {
    if (!row) return;
    ++side.rows;
    side.digest.Add(key, *row);
  }

  const size_t limit_;
  ViewTrial& trial_;
};

}  // namespace

absl::StatusOr<ViewTrial> TryView(Source& source, const std::string& view, Position from,
                                  size_t limit, const AsOfOptions& options) {
  RETURN_IF_ERROR(source.FindView(view).status());
  RETURN_IF_ERROR(CheckAt(source, from));
  ViewTrial trial;
  trial.from = from;
  ASSIGN_OR_RETURN(const auto live, TemporaryStore::Make(options.write_buffer_bytes));
  ASSIGN_OR_RETURN(trial.through, CopyLive(source, view, **live));
  // Live rows may be of an earlier position, if nobody folds this version of the view any more.
  const Position begin = std::min(from, trial.through);
  ASSIGN_OR_RETURN(const auto tried, OpenAsOf(source, view, options, begin));
  trial.began = tried->began();
  RETURN_IF_ERROR(tried->FoldThrough(trial.through));
  ASSIGN_OR_RETURN(const std::vector<ScopeState> scopes, tried->rows().Scopes(view));
  for (const ScopeState& scope : scopes) trial.parked += scope.parked;
  ASSIGN_OR_RETURN(const auto rows, tried->rows().Scan(view));
  RETURN_IF_ERROR(Comparing(limit, trial).Run(**live, *rows));
  return trial;
}

}  // namespace intentlog
