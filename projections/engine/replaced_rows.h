// Puts other rows in the place of all those that a build has in a scope: in ascending order of
// keys, in as many commits as the caller likes, with the indexes. Rows that are equal already are
// not written. Begun again from the start, after a crash in between too, it ends the same.
//
// Digest and checkpoint are the caller's, who also sees to it that nobody reads what is half done.
//
//   ReplacedRows rows(store, models.Opened(projection), scope, /*many=*/false);
//   for (each)  RETURN_IF_ERROR(rows.Put(key, row, batch));      // batch committed now and then
//   while (!done)  ASSIGN_OR_RETURN(done, rows.End(limit, batch));
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/store/store.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_index.h"
#include "projections/engine/row_keys.h"

namespace intentlog {

// Thread-compatible; the store must outlive it.
class ReplacedRows {
 public:
  // `projection` must outlive it. `many`: rows that come where there are none go past the batches,
  // as one table (StoreLoad), and are there once End is done.
  ReplacedRows(Store& store, const OpenProjection& projection, std::string_view scope, bool many);

  // Told of the key of each row that changes.
  void OnChange(std::function<void(std::string_view key)> changed) {
    changed_ = std::move(changed);
  }
  // REQUIRES: `key` is above the last one.
  absl::Status Put(std::string_view key, std::string_view row, StoreBatch& batch);
  // Removes what comes after the last one put, at most `limit` rows; true when nothing is left.
  absl::StatusOr<bool> End(size_t limit, StoreBatch& batch);

 private:
  bool AtOld() const;
  absl::Status RemoveOld(StoreBatch& batch);

  const std::string prefix_;
  const ScopeIndexes indexes_;
  const std::unique_ptr<StoreCursor> old_;  // the first row that nothing was decided about
  std::unique_ptr<StoreLoad> load_;         // null: rows go into the batches
  std::function<void(std::string_view key)> changed_;
  std::string row_key_;
};

// Removes what is known of parked rows.
absl::Status RemoveParked(const Store& store, BuildId build, std::string_view scope,
                          StoreBatch& batch);

}  // namespace intentlog
