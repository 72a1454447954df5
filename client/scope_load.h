// A ScopeLoad puts a staged snapshot of a scope in the place of what the device has of it: rows,
// checkpoints, digests, cursor, conflicts; the feed that led there is dropped. A snapshot without
// chunks at position 0 empties the scope.
//
//   staged ── checked ──► marked as loading ── rows, some at a time ──► finished in one write
//      └─ wrong: dropped, and nothing was touched     └─ crash or cut: begun again by FinishLoads
//
// Readers see the rows that were there until all is done, and then all that is new. So nothing may
// be folded from the mark to the end.
//
// Thread-compatible; belongs to whoever folds.
//
//   ScopeLoad load(device, staged);
//   while (!done) ASSIGN_OR_RETURN(done, load.Step());
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/device.h"
#include "client/snapshot_stage.h"
#include "projections/engine/replaced_rows.h"

namespace intentlog {

// What is wrong with the head, for this device: a view that is missing, of another version, or
// there twice, or numbers that do not fit together. INVALID_ARGUMENT.
absl::Status CheckSnapshotHead(const Device& device, const SnapshotHead& head);

class ScopeLoad {
 public:
  // REQUIRES: CheckSnapshotHead is OK, and every chunk is there.
  ScopeLoad(Device& device, StagedSnapshot staged);
  ~ScopeLoad();

  // A part that takes some milliseconds; true when the load is finished. DATA_LOSS: the snapshot is
  // wrong, and dropped. Other errors are of the store: another ScopeLoad goes on, made of what is
  // staged.
  absl::StatusOr<bool> Step();

  const std::string& scope() const { return head_.scope(); }
  // Where the scope is when all is done.
  const ScopeCursor& cursor() const { return cursor_; }

 private:
  enum class Phase : uint8_t { kCheck, kReplace, kFinish, kDone };
  // The rows of one view of the device.
  struct View {
    const Projection* projection;
    SnapshotHead::Rows rows;  // none: of a scope that is emptied
    uint32_t first_chunk = 0;
  };

  absl::Status Check();
  absl::Status CheckChunk(const View& view, uint32_t chunk);
  absl::Status EndCheck(const View& view);
  absl::Status Replace();
  void BeginReplacing(const View& view);
  absl::StatusOr<bool> EndReplacing(StoreBatch& batch);
  absl::Status Finish();
  absl::Status AddConflicts(DeviceChange& change) const;
  absl::Status DropFeed(StoreBatch& batch) const;
  Device& device_;
  const SnapshotHead head_;
  ScopeCursor cursor_;
  Phase phase_;
  std::vector<View> views_;  // in the order of the device's projections
  size_t view_ = 0;          // in hand
  uint32_t chunk_ = 0;       // of the view in hand, the next one
  std::string last_key_;     // of the view, as far as it is checked
  bool any_row_ = false;
  ScopeState counted_;  // of the view in hand
  std::vector<ScopeState> states_;
  std::unique_ptr<ReplacedRows> replaced_;
  bool as_table_ = false;  // of those
  bool no_tables_ = false;
  std::vector<std::pair<const Projection*, std::string>> changed_;
  std::string block_;
};

// Ends the loads that a crash or a cut interrupted, and drops what no longer fits the device's
// views. Before anything of a folder is read, and before a server is told how far the device is.
absl::Status FinishLoads(Device& device);
// Empties the scopes that the device does not subscribe to any more. After FinishLoads.
absl::Status EmptyLostScopes(Device& device);

}  // namespace intentlog
