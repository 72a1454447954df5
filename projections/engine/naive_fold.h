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

  // An error leaves the fold of unspecified content.
  absl::Status Add(const Event& event) {
    for (const auto& projection : projections_) {
      if (!event.effective && !projection->info().decisions) continue;
      KeySink keys;
      projection->Keys(event, keys);
      for (size_t i = 0; i < keys.size(); ++i) {
        auto& rows = rows_[{projection->info().name, std::string(event.scope)}];
        RETURN_IF_ERROR(projection->Apply(event, keys[i], rows[keys[i]]));
        if (!rows[keys[i]].exists()) rows.erase(keys[i]);
      }
    }
    return absl::OkStatus();
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
  std::map<std::pair<std::string, std::string>, KeyedRows> rows_;  // by (view, scope)
};

}  // namespace intentlog
