#include "projections/engine/compare.h"

#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "eventlog/runtime/check.h"
#include "projections/engine/row_fold.h"

namespace intentlog {
namespace {

using States = std::map<std::string, FoldState>;  // by scope

absl::StatusOr<States> StatesOf(const StoreSnapshot& snapshot, BuildId build) {
  States states;
  const std::string prefix = CheckpointPrefix(build);
  const auto cursor = snapshot.Scan(Space::kMeta);
  for (cursor->Seek(prefix); cursor->Valid(); cursor->Next()) {
    if (cursor->key().substr(0, prefix.size()) != prefix) break;
    ASSIGN_OR_RETURN(states[std::string(cursor->key().substr(prefix.size()))],
                     ParseCheckpoint(cursor->value()));
  }
  RETURN_IF_ERROR(cursor->status());
  return states;
}

// The rows of one build and scope, one after another.
class ScopeRows {
 public:
  ScopeRows(const StoreSnapshot& snapshot, BuildId build, std::string_view scope)
      : prefix_(RowPrefix(build, scope)), cursor_(snapshot.Scan(Space::kRows)) {
    cursor_->Seek(prefix_);
  }
  bool valid() const {
    return cursor_->Valid() && cursor_->key().substr(0, prefix_.size()) == prefix_;
  }
  std::string_view key() const { return cursor_->key().substr(prefix_.size()); }
  std::string_view bytes() const { return cursor_->value(); }
  void Next() { cursor_->Next(); }
  absl::Status status() const { return cursor_->status(); }

 private:
  const std::string prefix_;
  const std::unique_ptr<StoreCursor> cursor_;
};

absl::Status CompareScope(ScopeRows a, ScopeRows b, const std::string& scope, size_t limit,
                          std::vector<RowDifference>& differences) {
  while (differences.size() < limit && (a.valid() || b.valid())) {
    const bool only_a = a.valid() && (!b.valid() || a.key() < b.key());
    const bool only_b = b.valid() && (!a.valid() || b.key() < a.key());
    if (only_a || only_b || a.bytes() != b.bytes()) {
      RowDifference one{scope, std::string(only_b ? b.key() : a.key()), {}, {}};
      if (!only_b) one.a = a.bytes();
      if (!only_a) one.b = b.bytes();
      differences.push_back(std::move(one));
    }
    if (!only_b) a.Next();
    if (!only_a) b.Next();
  }
  RETURN_IF_ERROR(a.status());
  return b.status();
}

}  // namespace

absl::StatusOr<BuildComparison> CompareBuilds(const StoreSnapshot& snapshot, BuildId a, BuildId b,
                                              size_t limit) {
  BuildComparison found;
  ASSIGN_OR_RETURN(States states_a, StatesOf(snapshot, a));
  ASSIGN_OR_RETURN(States states_b, StatesOf(snapshot, b));
  for (const auto& [scope, state] : states_a) states_b[scope];  // empty where there is none
  for (const auto& [scope, state_b] : states_b) {
    const FoldState& state_a = states_a[scope];
    found.rows_a += state_a.rows;
    found.rows_b += state_b.rows;
    found.parked_a += state_a.parked;
    found.parked_b += state_b.parked;
    if (state_a.digest == state_b.digest && state_a.rows == state_b.rows) continue;
    found.equal = false;
    RETURN_IF_ERROR(CompareScope(ScopeRows(snapshot, a, scope), ScopeRows(snapshot, b, scope),
                                 scope, limit, found.differences));
  }
  return found;
}

}  // namespace intentlog
