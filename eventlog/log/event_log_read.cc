// Reading an event log block by block, and merging its small blocks.
#include <algorithm>
#include <optional>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/event_log_keys.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

absl::Status Missing(const EventLog& log, Position from, Position to) {
  return DataLoss("positions ", from, " to ", to, " of tenant ", log.tenant(),
                  " are missing; restore it from a backup");
}

class LogReader final : public BlockReader {
 public:
  LogReader(const EventLog& log, Position from)
      : log_(log), next_(from), cursor_(log.engine().Read(log.tenant(), from)) {}

  absl::StatusOr<bool> Next() override {
    const Position head = log_.head().position;  // before the cursor looks: what it must find
    while (true) {
      ASSIGN_OR_RETURN(const bool more, cursor_->Next());
      if (!more) {
        if (next_ <= head) return Missing(log_, next_, head);
        return false;
      }
      ASSIGN_OR_RETURN(block_, BlockView::Parse(cursor_->block()));
      if (block_.first() > next_) {
        return Missing(log_, next_, Position(block_.first().value() - 1));
      }
      if (block_.last() < next_) continue;  // merged with neighbours that were given already
      begin_ = next_.Since(block_.first());
      next_ = block_.last().Next();
      return true;
    }
  }
  const BlockView& block() const override { return block_; }
  size_t begin() const override { return begin_; }

 private:
  const EventLog& log_;
  Position next_;
  const std::unique_ptr<EngineCursor> cursor_;
  BlockView block_;
  size_t begin_ = 0;
};

class ScopeReader final : public BlockReader {
 public:
  ScopeReader(const EventLog& log, std::string scope, Position after)
      : log_(log), scope_(std::move(scope)), prefix_(ScopePrefix(scope_)), next_(after.Next()) {}

  absl::StatusOr<bool> Next() override {
    while (true) {
      ASSIGN_OR_RETURN(const bool more, NextRow());
      if (!more) return false;
      const std::string& key = rows_[row_++].key;
      const Position last(LastBig64(key));
      if (last < next_ || key.size() != prefix_.size() + kNumberBytes) continue;
      ASSIGN_OR_RETURN(const bool found, cursor_->Seek(last));
      if (!found) return Missing(log_, last, last);
      ASSIGN_OR_RETURN(block_, BlockView::Parse(cursor_->block()));
      if (block_.first() > last || block_.last() < last) return Missing(log_, last, last);
      begin_ = block_.first() < next_ ? next_.Since(block_.first()) : 0;
      next_ = block_.last().Next();
      if (HoldsScope()) return true;
    }
  }
  const BlockView& block() const override { return block_; }
  size_t begin() const override { return begin_; }

 private:
  // Rows are read some at a time, afresh, and the cursor is younger than they are: it shows the
  // block that a row names, or the one which that was merged into; never an older one, whose first
  // events a merged row would pass over.
  absl::StatusOr<bool> NextRow() {
    constexpr size_t kRowsAtATime = 64;
    while (row_ == rows_.size()) {
      std::string from = ScopeKey(scope_, next_);
      if (!rows_.empty()) from = std::max(from, rows_.back().key + '\0');
      ASSIGN_OR_RETURN(rows_, log_.engine().ScanIndex(log_.tenant(), prefix_, from, kRowsAtATime));
      row_ = 0;
      cursor_ = log_.engine().Read(log_.tenant(), next_);
      if (rows_.empty()) return false;
    }
    return true;
  }
  bool HoldsScope() const {
    const std::optional<uint32_t> scope = block_.FindScope(scope_);
    if (!scope) return false;
    for (size_t i = begin_; i < block_.size(); ++i) {
      if (block_.place(i).scope == *scope) return true;
    }
    return false;
  }

  const EventLog& log_;
  const std::string scope_;
  const std::string prefix_;
  Position next_;
  std::vector<IndexRow> rows_;
  size_t row_ = 0;
  std::unique_ptr<EngineCursor> cursor_;
  BlockView block_;
  size_t begin_ = 0;
};

}  // namespace

std::unique_ptr<BlockReader> EventLog::Read(Position from) const {
  return std::make_unique<LogReader>(*this, std::max(from, Position(1)));
}

std::unique_ptr<BlockReader> EventLog::ReadScope(std::string scope, Position after) const {
  return std::make_unique<ScopeReader>(*this, std::move(scope), after);
}

// ---- merging

absl::StatusOr<int> EventLog::MergeSmallBlocks() {
  constexpr size_t kReadAtMost = 4 << 20;
  const size_t small = options_.block_bytes / 4;
  const auto cursor = engine_.Read(tenant_, merge_from_);
  std::vector<std::string> run;
  size_t run_bytes = 0;
  size_t read = 0;
  int went_away = 0;
  while (read < kReadAtMost) {
    ASSIGN_OR_RETURN(const bool more, cursor->Next());
    const size_t bytes = more ? cursor->block().size() : 0;
    read += bytes;
    const bool is_small = more && bytes < small;
    const bool full = run_bytes + bytes > options_.block_bytes;
    // A run that the head ends waits for more, unless it fills a block already.
    if (!is_small || full) {
      if (run.size() > 1 && (more || run_bytes >= options_.block_bytes / 2)) {
        RETURN_IF_ERROR(MergeRun(run));
        went_away += static_cast<int>(run.size()) - 1;
      }
      if (!more) break;
      run.clear();
      run_bytes = 0;
      ASSIGN_OR_RETURN(const BlockView block, BlockView::Parse(cursor->block()));
      merge_from_ = is_small ? block.first() : block.last().Next();
    }
    if (is_small) {
      run.emplace_back(cursor->block());
      run_bytes += bytes;
    }
  }
  return went_away;
}

absl::Status EventLog::MergeRun(const std::vector<std::string>& run) {
  BlockBuilder builder;
  std::vector<Position> replaced;
  std::vector<IndexRow> index;
  EngineBlock merged;
  ChainValue chain = {};
  for (const std::string& bytes : run) {
    ASSIGN_OR_RETURN(const BlockView block, BlockView::Parse(bytes));
    if (replaced.empty()) merged.first = block.first();
    if (!replaced.empty() && block.first() != replaced.back().Next()) {
      return Missing(*this, replaced.back().Next(), Position(block.first().value() - 1));
    }
    builder.Add(block, 0, block.size());
    for (const std::string_view scope : block.scopes()) {
      index.push_back({ScopeKey(scope, block.last()), std::nullopt});
    }
    replaced.push_back(block.last());
    chain = block.chain();
  }
  merged.last = replaced.back();
  for (const std::string& scope : builder.scopes()) {
    index.push_back({ScopeKey(scope, merged.last), std::string()});
  }
  std::string merged_through;
  AppendBig64(merged_through, merged.last.value());
  index.push_back({std::string(kMergedKey), std::move(merged_through)});
  merged.bytes = builder.Finish(chain);
  return engine_.Replace(tenant_, term(), merged, replaced, index);
}

}  // namespace intentlog
