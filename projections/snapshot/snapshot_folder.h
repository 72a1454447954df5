// A SnapshotFolder is where the snapshot files of one tenant lie, and which of them may be used. A
// file that is damaged, of another log, or of other code is left where it is, and told.
//
// Thread-safe: several may read and one may write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "projections/engine/projection.h"
#include "projections/snapshot/snapshot_file.h"
#include "projections/snapshot/take_snapshot.h"

namespace intentlog {

// What lies in the folder under the name of a snapshot.
struct FoundSnapshot {
  std::string path;
  Position position;  // by its name
  uint64_t bytes = 0;
  // OK: it may be used. Otherwise why not; FAILED_PRECONDITION: of another log, or of a newer
  // format.
  absl::Status status;
  std::shared_ptr<const SnapshotFile> file;  // null if it cannot be read
};

class SnapshotFolder {
 public:
  // Whether a snapshot is of the log that its user has; FAILED_PRECONDITION says why not.
  using OfLog = std::function<absl::Status(const SnapshotInfo& info)>;
  // Told of each file that is skipped, with the reason.
  using Alarm = std::function<void(const std::string& path, const absl::Status& why)>;

  SnapshotFolder(std::string dir, OfLog of_log, FingerprintLookup fingerprint = nullptr,
                 Alarm alarm = nullptr);

  const std::string& dir() const { return dir_; }

  // Every file, newest first. Its info is checked, its rows are not.
  std::vector<FoundSnapshot> List() const;
  // The newest file at or below `at` that may be used for the view: whole, of this log, folded by
  // the same code, and without rows that stand still, because what waits for those is not in it.
  // The view's rows are verified. Null if there is none.
  std::shared_ptr<const SnapshotFile> Newest(const ProjectionInfo& view, Position at) const;
  // As Newest, of a view as another program has it, and without reading its rows: who reads them
  // checks them.
  std::shared_ptr<const SnapshotFile> NewestOf(const SnapshotView& view, Position at) const;
  // The file of exactly that position, if it may be used; otherwise why not.
  absl::StatusOr<std::shared_ptr<const SnapshotFile>> OpenAt(Position position) const;
  // Whether the view's rows in the file were folded by the code of `view`, and none stands still.
  // Does not read them.
  absl::Status Fits(const SnapshotFile& file, const ProjectionInfo& view) const;
  static absl::Status Fits(const SnapshotFile& file, const SnapshotView& view);

  // Removes what writing left behind that did not come to its end. REQUIRES: nobody writes.
  void RemoveUnfinished() const;
  // Removes files; returns how many. REQUIRES: each was found by List, with status OK.
  size_t Remove(const std::vector<FoundSnapshot>& files) const;

 private:
  SnapshotView ViewOf(const ProjectionInfo& view) const;
  FoundSnapshot Look(const std::string& name, Position position) const;
  std::shared_ptr<const SnapshotFile> Find(const SnapshotView& view, Position at,
                                           bool verified) const;

  const std::string dir_;
  const OfLog of_log_;
  const FingerprintLookup fingerprint_;
  const Alarm alarm_;
};

// Whether a snapshot is a place of the log's history, as a device's cursor must be.
absl::Status CheckOfLog(const EventLog& log, const SnapshotInfo& info);

// Reads and checks the rows of one view.
absl::Status VerifyView(const SnapshotFile& file, std::string_view view);

struct SnapshotKeep {
  // The newest files. More than one, because the newest may turn out to be damaged.
  size_t newest = 3;
  // Of so many days before today the last one of the day (UTC): questions about the past begin
  // there.
  size_t days = 7;
};

// Those of `found`, newest first, that the policy does not keep. Only of files that may be used:
// others are neither counted nor removed.
std::vector<FoundSnapshot> Superseded(const std::vector<FoundSnapshot>& found,
                                      const SnapshotKeep& keep, int64_t now_us);

}  // namespace intentlog
