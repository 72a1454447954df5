// A SnapshotWriter writes one snapshot file (FORMAT.md). The file has its name only when it is
// whole, on the disk, and read back: before that it has another one, which nobody reads.
//
//   ASSIGN_OR_RETURN(const auto writer, SnapshotWriter::Create(folder, about, {}));
//   for (scopes, in byte order) {
//     writer->BeginScope(scope);
//     for (views, ascending) {
//       writer->BeginPart(view);
//       for (rows, by key)  RETURN_IF_ERROR(writer->Add(key, row));
//       RETURN_IF_ERROR(writer->EndPart(digest, rows, parked));
//     }
//   }
//   ASSIGN_OR_RETURN(const auto file, writer->Finish());
//
// Thread-compatible. After an error only destruction is allowed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "projections/engine/digest.h"
#include "projections/snapshot/snapshot_block.h"
#include "projections/snapshot/snapshot_file.h"
#include "proto/snapshot.pb.h"

namespace intentlog {

struct SnapshotWriterOptions {
  // What stays free on the disk, for the log and the rows that must go on: a snapshot can be taken
  // later.
  uint64_t free_bytes_min = 64 << 20;
  // Bytes collected before they are written.
  size_t write_bytes = 1 << 20;
  // A file of that name is replaced; otherwise it is ALREADY_EXISTS.
  bool replace = false;
  // Called before each thing that is done to the disk, with its name; an error ends the writing as
  // if the disk had failed there. For tests, and for stopping.
  std::function<absl::Status(std::string_view step)> before;
};

class SnapshotWriter {
 public:
  // Makes `folder`, if it is not there. `about` has everything but scopes and blocks.
  // RESOURCE_EXHAUSTED: too little is free. UNAVAILABLE: the disk failed; says where.
  static absl::StatusOr<std::unique_ptr<SnapshotWriter>> Create(const std::string& folder,
                                                                SnapshotInfo about,
                                                                SnapshotWriterOptions options);
  // Unless it was finished, nothing is left of the file.
  ~SnapshotWriter();

  // REQUIRES: in byte order. `events` as in SnapshotScope.
  void BeginScope(std::string_view scope, uint64_t events = 0);
  // REQUIRES: ascending within the scope.
  void BeginPart(uint32_t view);
  // REQUIRES: keys ascend within the part.
  absl::Status Add(std::string_view key, std::string_view row);
  // DATA_LOSS if the rows added are others than these.
  absl::Status EndPart(const Digest128& digest, uint64_t rows, uint64_t parked);
  // The file, whole and durable. Errors as Create; DATA_LOSS if what is read back differs.
  absl::StatusOr<std::shared_ptr<const SnapshotFile>> Finish();

 private:
  SnapshotWriter(const std::string& folder, SnapshotInfo about, SnapshotWriterOptions options);
  absl::Status Open();
  absl::Status Before(std::string_view step) const;
  absl::Status CutBlock();
  absl::Status Flush();
  absl::Status Failed(std::string_view what) const;
  absl::StatusOr<std::shared_ptr<const SnapshotFile>> ReadBack() const;

  const std::string folder_;
  const std::string path_;
  const std::string unfinished_;
  const SnapshotWriterOptions options_;
  SnapshotInfo info_;
  int fd_ = -1;
  bool finished_ = false;
  uint64_t offset_ = 0;  // of what is added next
  std::string waiting_;  // to be written
  SnapshotBlockBuilder block_;
  Digest128 digest_;  // of the part in hand
};

}  // namespace intentlog
