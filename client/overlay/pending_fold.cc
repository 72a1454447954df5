#include "client/overlay/pending_fold.h"

#include <algorithm>
#include <set>
#include <utility>

#include "client/outbox/intent_reader.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"

namespace intentlog {

PendingFold::PendingFold(const Store& store, PriorityClass priority, const ReadModels& models,
                         std::shared_ptr<const Schema> schema)
    : store_(store), priority_(priority), models_(models), decoder_(std::move(schema)) {
  for (const auto& projection : models.projections()) {
    views_.push_back({projection.get(), projection->info().name, {}});
  }
}

PendingFold::~PendingFold() = default;

absl::StatusOr<PendingFold::View*> PendingFold::Find(std::string_view view) {
  for (View& known : views_) {
    if (known.name == view) return &known;
  }
  return models_.Scopes(view).status();  // NOT_FOUND, with the views that there are
}

// Calls use(view, key, scope) for every row that the intent touches.
absl::Status PendingFold::ForEachKey(
    std::string_view intent,
    absl::FunctionRef<void(View&, const std::string&, const std::string&)> use) {
  ASSIGN_OR_RETURN(const Event* event, decoder_.DecodePending(intent));
  if (event->type == nullptr) return absl::OkStatus();
  const std::string scope(event->scope);
  for (View& view : views_) {
    sink_.Clear();
    view.projection->Keys(*event, sink_);
    for (size_t i = 0; i < sink_.size(); ++i) use(view, sink_[i], scope);
  }
  return absl::OkStatus();
}

absl::Status PendingFold::Add(Count count, std::string_view intent, KeyListener listener) {
  return ForEachKey(intent, [&](View& view, const std::string& key, const std::string& scope) {
    Lane& lane = view.keys[key][scope];
    const auto at = std::lower_bound(lane.counts.begin(), lane.counts.end(), count);
    if (at != lane.counts.end() && *at == count) return;
    if (static_cast<size_t>(at - lane.counts.begin()) < lane.folded) lane.valid = false;
    lane.counts.insert(at, count);
    listener(*view.projection, key);
  });
}

absl::Status PendingFold::Remove(Count count, std::string_view intent, KeyListener listener) {
  return ForEachKey(intent, [&](View& view, const std::string& key, const std::string& scope) {
    const auto lanes = view.keys.find(key);
    if (lanes == view.keys.end()) return;
    const auto lane = lanes->second.find(scope);
    if (lane == lanes->second.end()) return;
    std::deque<Count>& counts = lane->second.counts;
    const auto at = std::lower_bound(counts.begin(), counts.end(), count);
    if (at == counts.end() || *at != count) return;
    counts.erase(at);
    lane->second.valid = false;
    if (counts.empty()) lanes->second.erase(lane);
    if (lanes->second.empty()) view.keys.erase(lanes);
    listener(*view.projection, key);
  });
}

// Reads the confirmed rows again where they are not valid, and adds what is not folded to `counts`.
absl::Status PendingFold::Prepare(View& view, Key& key, std::vector<Count>& counts) {
  for (auto& [scope, lane] : key.second) {
    if (!lane.valid || lane.confirmed != confirmed_) {
      ASSIGN_OR_RETURN(auto row, models_.GetInScope(view.name, scope, key.first));
      lane.row = row ? *std::move(row) : Row();
      lane.folded = 0;
      lane.confirmed = confirmed_;
      lane.valid = true;
    }
    counts.insert(counts.end(), lane.counts.begin() + static_cast<ptrdiff_t>(lane.folded),
                  lane.counts.end());
  }
  return absl::OkStatus();
}

absl::Status PendingFold::Refresh(View& view, absl::Span<Key* const> keys) {
  std::vector<Count> counts;
  for (Key* key : keys) RETURN_IF_ERROR(Prepare(view, *key, counts));
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return ForEachIntent(
      counts, [&](Count count, std::string_view intent) { return Fold(view, count, intent); });
}

// Folds one intent into each lane that has it next.
absl::Status PendingFold::Fold(View& view, Count count, std::string_view intent) {
  ASSIGN_OR_RETURN(const Event* event, decoder_.DecodePending(intent));
  sink_.Clear();
  view.projection->Keys(*event, sink_);
  for (size_t i = 0; i < sink_.size(); ++i) {
    const auto lanes = view.keys.find(sink_[i]);
    if (lanes == view.keys.end()) continue;
    const auto found = lanes->second.find(event->scope);
    if (found == lanes->second.end()) continue;
    Lane& lane = found->second;
    const bool next = lane.valid && lane.confirmed == confirmed_ &&
                      lane.folded < lane.counts.size() && lane.counts[lane.folded] == count;
    if (!next) continue;
    // What can not be folded leaves the row as it was; the server parks or folds it alike.
    view.projection->Apply(*event, sink_[i], lane.row).IgnoreError();
    ++lane.folded;
  }
  return absl::OkStatus();
}

// `counts` ascend; a row of the log is read once for all that lie in it.
absl::Status PendingFold::ForEachIntent(
    const std::vector<Count>& counts,
    absl::FunctionRef<absl::Status(Count, std::string_view)> use) {
  if (counts.empty()) return absl::OkStatus();
  IntentReader reader(store_, priority_);
  size_t next = 0;
  while (next < counts.size()) {
    ASSIGN_OR_RETURN(const IntentReader::RowAt at, reader.Find(counts[next]));
    absl::Status status;
    at.row.ForEach([&](uint32_t index, std::string_view intent) {
      if (next >= counts.size() || at.first.Plus(index) != counts[next]) return;
      if (status.ok()) status = use(counts[next], intent);
      ++next;
    });
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Row>> PendingFold::Merged(View& view, const Key& key) {
  std::set<std::string> scopes;
  for (std::string& scope : models_.ScopeNames()) scopes.insert(std::move(scope));
  for (const auto& [scope, lane] : key.second) scopes.insert(scope);
  std::optional<Row> merged;
  for (const std::string& scope : scopes) {
    std::optional<Row> row;
    const auto lane = key.second.find(scope);
    if (lane != key.second.end()) {
      if (lane->second.row.exists()) row = RowAccess::Copy(lane->second.row);
    } else {
      ASSIGN_OR_RETURN(row, models_.GetInScope(view.name, scope, key.first));
    }
    if (!row || !row->exists()) continue;
    if (!merged) {
      merged = std::move(row);
      if (!view.projection->merges()) break;
    } else {
      RETURN_IF_ERROR(view.projection->Merge(*row, *merged));
    }
  }
  return merged;
}

absl::StatusOr<std::optional<Row>> PendingFold::Get(std::string_view view, std::string_view key) {
  ASSIGN_OR_RETURN(View * found, Find(view));
  const auto pending = found->keys.find(key);
  if (pending == found->keys.end()) return models_.Get(view, key);
  Key* const one = &*pending;
  RETURN_IF_ERROR(Refresh(*found, {&one, 1}));
  return Merged(*found, *pending);
}

namespace {

// Confirmed rows, with those of `pending` in their places.
class PendingCursor final : public RowCursor {
 public:
  using Rows = std::map<std::string, std::optional<Row>>;

  PendingCursor(std::unique_ptr<RowCursor> confirmed, Rows pending)
      : confirmed_(std::move(confirmed)), pending_(std::move(pending)) {}

  absl::StatusOr<const MergedRow*> Next() override {
    while (true) {
      if (advance_) {
        ASSIGN_OR_RETURN(next_, confirmed_->Next());
        advance_ = false;
      }
      const auto first = pending_.begin();
      if (first == pending_.end() || (next_ != nullptr && next_->key < first->first)) {
        advance_ = next_ != nullptr;
        return next_;
      }
      advance_ = next_ != nullptr && next_->key == first->first;
      auto node = pending_.extract(first);
      if (!node.mapped()) continue;
      row_.key = std::move(node.key());
      row_.row = *std::move(node.mapped());
      return &row_;
    }
  }

 private:
  const std::unique_ptr<RowCursor> confirmed_;
  Rows pending_;
  bool advance_ = true;
  const MergedRow* next_ = nullptr;  // confirmed, not returned yet
  MergedRow row_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RowCursor>> PendingFold::Scan(std::string_view view,
                                                             std::string_view from_key) {
  ASSIGN_OR_RETURN(View * found, Find(view));
  ASSIGN_OR_RETURN(std::unique_ptr<RowCursor> confirmed, models_.Scan(view, from_key));
  std::vector<Key*> keys;
  for (auto at = found->keys.lower_bound(from_key); at != found->keys.end(); ++at) {
    keys.push_back(&*at);
  }
  if (keys.empty()) return confirmed;
  RETURN_IF_ERROR(Refresh(*found, keys));
  PendingCursor::Rows rows;
  for (const Key* key : keys) {
    ASSIGN_OR_RETURN(std::optional<Row> row, Merged(*found, *key));
    rows.emplace(key->first, std::move(row));
  }
  return std::make_unique<PendingCursor>(std::move(confirmed), std::move(rows));
}

}  // namespace intentlog
