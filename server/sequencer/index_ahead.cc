#include "server/sequencer/index_ahead.h"

#include <utility>

namespace intentlog {

void IndexAhead::Set(std::string key, std::optional<std::string> value) {
  const auto [found, is_new] = ahead_.try_emplace(std::move(key));
  Ahead& row = found->second;
  if (is_new || row.group != group_) {
    if (changed_.empty() || changed_.back().group != group_) changed_.push_back({group_, {}});
    changed_.back().keys.push_back(found->first);
  }
  row.value = std::move(value);
  row.group = group_;
}

void IndexAhead::AddTo(EventGroup& group) {
  if (changed_.empty() || changed_.back().group != group_) return;
  for (const std::string& key : changed_.back().keys) {
    const Ahead& row = ahead_.find(key)->second;
    if (row.value) {
      group.PutIndex(key, *row.value);
    } else {
      group.DeleteIndex(key);
    }
  }
}

void IndexAhead::Durable(uint64_t group) {
  while (!changed_.empty() && changed_.front().group <= group) {
    for (const std::string& key : changed_.front().keys) {
      const auto found = ahead_.find(key);
      if (found != ahead_.end() && found->second.group <= group) ahead_.erase(found);
    }
    changed_.pop_front();
  }
}

void IndexAhead::Clear() {
  ahead_.clear();
  changed_.clear();
}

absl::StatusOr<std::optional<std::string>> IndexAhead::Get(std::string_view key) const {
  const auto found = ahead_.find(key);
  if (found != ahead_.end()) return found->second.value;
  return log_.GetIndex(key);
}

absl::StatusOr<std::vector<IndexAhead::Row>> IndexAhead::Scan(std::string_view prefix,
                                                              std::string_view from,
                                                              size_t limit) const {
  std::vector<Row> rows;
  auto ahead = ahead_.lower_bound(from);
  const auto ahead_left = [&] {
    return ahead != ahead_.end() && std::string_view(ahead->first).starts_with(prefix);
  };
  std::string next(from);
  bool more = true;
  while (more && rows.size() < limit) {
    const size_t wanted = limit - rows.size();
    ASSIGN_OR_RETURN(std::vector<IndexRow> stored, log_.ScanIndex(prefix, next, wanted));
    more = stored.size() == wanted;
    if (more) next = stored.back().key + '\0';
    for (IndexRow& row : stored) {
      for (; ahead_left() && ahead->first < row.key && rows.size() < limit; ++ahead) {
        if (ahead->second.value) rows.push_back({ahead->first, *ahead->second.value});
      }
      if (rows.size() >= limit) return rows;
      if (ahead_left() && ahead->first == row.key) {  // changed, or deleted
        if (ahead->second.value) rows.push_back({ahead->first, *ahead->second.value});
        ++ahead;
      } else {
        rows.push_back({std::move(row.key), row.value.value_or(std::string())});
      }
    }
  }
  for (; ahead_left() && rows.size() < limit; ++ahead) {
    if (ahead->second.value) rows.push_back({ahead->first, *ahead->second.value});
  }
  return rows;
}

absl::StatusOr<std::optional<IndexAhead::Row>> IndexAhead::Last(std::string_view prefix,
                                                                std::string_view at) const {
  std::optional<Row> last;
  ASSIGN_OR_RETURN(const std::optional<IndexRow> stored,
                   log_.engine().LastIndex(log_.tenant(), prefix, at));
  if (stored) last = {stored->key, stored->value.value_or(std::string())};
  auto ahead = ahead_.upper_bound(at);
  if (ahead == ahead_.begin()) return last;
  --ahead;
  const bool later =
      std::string_view(ahead->first).starts_with(prefix) && (!last || ahead->first > last->key);
  if (later && ahead->second.value) last = {ahead->first, *ahead->second.value};
  return last;
}

}  // namespace intentlog
