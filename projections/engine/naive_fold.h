// A NaiveFold is the oracle of the tests: the same projections folded one event after another into
// plain maps, without batches, caches, stores or bytes in between. What the engine gives must equal
// this page.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/runtime/check.h"
#include "projections/engine/digest.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_access.h"

namespace intentlog {

class NaiveFold {
 public:
  explicit NaiveFold(Projections projections) : projections_(std::move(projections)) {}

  // An event that a projection cannot fold must outlive this.
  void Add(const Event& event) {
    for (const auto& projection : projections_) {
      if (event.unpark != nullptr) {
        if (projection->info().name == event.unpark->view()) Release(*projection, event);
        continue;
      }
      if (!event.effective && !projection->info().decisions) continue;
      KeySink keys;
      projection->Keys(event, keys);
      for (size_t i = 0; i < keys.size(); ++i) Fold(*projection, event, keys[i]);
    }
  }

  // Of one view and scope: the events that wait, by key.
  using Waiting = std::map<std::string, std::vector<const Event*>>;
  const Waiting& Parked(const std::string& view, const std::string& scope) {
    return parked_[{view, scope}];
  }

  // Of one view and scope: key → bytes.
  std::map<std::string, std::string> Rows(const std::string& view, const std::string& scope) const {
    std::map<std::string, std::string> rows;
    const auto found = rows_.find({view, scope});
    if (found == rows_.end()) return rows;
    for (const auto& [key, row] : found->second) rows[key] = RowBytes(row);
    return rows;
  }

  Digest128 Digest(const std::string& view, const std::string& scope) const {
    Digest128 digest;
    for (const auto& [key, bytes] : Rows(view, scope)) digest.Add(key, bytes);
    return digest;
  }

  // Of one view, merged over scopes: key → bytes.
  std::map<std::string, std::string> Merged(const std::string& view) const {
    std::map<std::string, Row> merged;
    for (const auto& projection : projections_) {
      if (projection->info().name != view) continue;
      for (const auto& [place, rows] : rows_) {
        if (place.first == view) MergeScope(*projection, rows, merged);
      }
    }
    std::map<std::string, std::string> result;
    for (const auto& [key, row] : merged) result[key] = RowBytes(row);
    return result;
  }

 private:
  using KeyedRows = std::map<std::string, Row>;
  using Place = std::pair<std::string, std::string>;  // view, scope

  void Fold(const Projection& projection, const Event& event, const std::string& key) {
    const Place place = {projection.info().name, std::string(event.scope)};
    Waiting& parked = parked_[place];
    auto& rows = rows_[place];
    if (parked.count(key) > 0 || !projection.Apply(event, key, rows[key]).ok()) {
      parked[key].push_back(&event);
    }
    if (!rows[key].exists()) rows.erase(key);
  }

  void Release(const Projection& projection, const Event& decided) {
    const Unpark& unpark = *decided.unpark;
    Waiting& parked = parked_[{projection.info().name, std::string(decided.scope)}];
    for (const auto& [key, events] : Waiting(parked)) {
      if (!unpark.all_keys() && key != unpark.key()) continue;
      const bool skips = unpark.skip() == events[0]->position.value();
      if (unpark.skip() != 0 && !skips) continue;
      parked.erase(key);
      for (size_t i = skips ? 1 : 0; i < events.size(); ++i) Fold(projection, *events[i], key);
    }
  }

  static void MergeScope(const Projection& projection, const KeyedRows& rows, KeyedRows& merged) {
    for (const auto& [key, row] : rows) {
      if (!merged[key].exists()) {
        merged[key] = RowAccess::Copy(row);
      } else if (projection.merges()) {
        INTENTLOG_CHECK(projection.Merge(row, merged[key]).ok());
      }
    }
  }

  const Projections projections_;
  std::map<Place, KeyedRows> rows_;
  std::map<Place, Waiting> parked_;
};

}  // namespace intentlog
