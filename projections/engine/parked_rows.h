// Rows that stand still. An event that cannot be folded into a row parks the row: that event and
// every later one of the row wait, by position, and all else goes on. Whoever decides about the row
// lets go of what waits, in order.
//
//   fold fails ─► Park ─► Wait, Wait …      Release ─► folds what waits ─► goes on as any row
//                                                        └► fails ─► parked from there on
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "projections/engine/row_keys.h"

namespace intentlog {

// Those of one build and scope, with what a batch changes of them. Thread-compatible.
class ParkedRows {
 public:
  // `maybe` is false if none are stored, for certain: then nothing is read.
  ParkedRows(BuildId build, std::string_view scope, bool maybe)
      : prefix_(ParkedPrefix(build, scope)), loaded_(!maybe) {}

  // False if no row is parked, and for certain.
  bool maybe() const { return !loaded_ || !rows_.empty(); }
  // Reads which rows are parked, unless that is known. Everything below requires it.
  absl::Status Load(const Store& store);

  size_t size() const { return rows_.size(); }
  std::vector<std::string> Keys() const;
  bool Has(std::string_view key) const { return rows_.find(key) != rows_.end(); }
  // REQUIRES: Has(key), and `position` is above all that waits.
  void Wait(std::string_view key, Position position);
  // REQUIRES: !Has(key).
  void Park(std::string_view key, Position position, const absl::Status& why);

  // Folds the event at `position` into the row: `failed` says why it cannot be, and the result
  // whether that is known.
  using FoldOne = absl::FunctionRef<absl::Status(Position position, absl::Status& failed)>;
  // Folds what waits for the row, in order, from what failed on, or, if `skip` is the position of
  // that, from what comes after it. A row that fails again stays parked from there on. Does nothing
  // if the row is not parked, or `skip` is of another event.
  absl::Status Release(const Store& store, std::string_view key, Position skip, FoldOne fold);

  // What changed since the last Write.
  void Write(StoreBatch& batch);

 private:
  struct Parked {
    Position first;               // failed
    std::string why;              // a ParkedEvent
    std::vector<Position> fresh;  // not written yet, ascending
    bool why_is_fresh = false;
  };

  std::string KeyPrefix(std::string_view key) const;
  absl::StatusOr<std::vector<Position>> Waiting(const Store& store, std::string_view key,
                                                const Parked& parked) const;

  const std::string prefix_;
  bool loaded_;
  std::map<std::string, Parked, std::less<>> rows_;
  std::set<std::string, std::less<>> changed_;  // keys in rows_
  std::vector<std::string> removed_;            // stored pointers
};

struct ParkedRow {
  std::string scope;
  std::string key;
  Position position;     // of the event that could not be folded
  uint64_t waiting = 0;  // events, with that one
  absl::Status why;
};

// Up to `limit` parked rows of a build, by scope and key. DATA_LOSS if one does not parse.
absl::StatusOr<std::vector<ParkedRow>> ReadParked(const StoreSnapshot& snapshot, BuildId build,
                                                  size_t limit);

}  // namespace intentlog
