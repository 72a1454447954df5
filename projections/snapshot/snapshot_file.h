// A SnapshotFile is one file of rows of views, open for reading. The layout is drawn in FORMAT.md.
//
// Immutable and thread-safe. What is read is checked, and never used if it is damaged.
//
//   ASSIGN_OR_RETURN(const auto file, SnapshotFile::Open(path));
//   RETURN_IF_ERROR(file->ForEachRow(part, [](std::string_view key, std::string_view row) { … }));
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "proto/snapshot.pb.h"

namespace intentlog {

inline constexpr uint32_t kSnapshotFormat = 1;

class SnapshotFile {
 public:
  // Reads and checks what the file says of itself, and that its blocks lie where it says; not the
  // blocks. DATA_LOSS: damaged. FAILED_PRECONDITION: of a newer format. NOT_FOUND, UNAVAILABLE: the
  // file cannot be opened or read. Each names the file.
  static absl::StatusOr<std::shared_ptr<const SnapshotFile>> Open(const std::string& path);
  ~SnapshotFile();
  SnapshotFile(const SnapshotFile&) = delete;
  SnapshotFile& operator=(const SnapshotFile&) = delete;

  const std::string& path() const { return path_; }
  const SnapshotInfo& info() const { return info_; }
  Position position() const { return Position(info_.position()); }
  uint64_t bytes() const { return bytes_; }

  // Index of the view in info().views(); -1 if the file has none of that name.
  int FindView(std::string_view name) const;
  // The stored bytes of a block, checked by their checksum. REQUIRES: `index` is of one.
  absl::StatusOr<std::string> ReadBlock(uint32_t index) const;

  using TakeRow = std::function<absl::Status(std::string_view key, std::string_view row)>;
  // Rows of a part in order of keys; an error of `take` ends it. What was taken before is a part's
  // only if this returns OK: the digest is checked at the end.
  absl::Status ForEachRow(const SnapshotPart& part, const TakeRow& take) const;
  // Reads everything: blocks, order, digests.
  absl::Status Verify() const;

 private:
  SnapshotFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status ReadInfo();
  absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const;
  template <class... Parts>
  absl::Status Damaged(const Parts&... what) const;

  const std::string path_;
  const int fd_;
  uint64_t bytes_ = 0;
  SnapshotInfo info_;
};

// What an info must be before anybody goes by it: fields of their sizes, scopes, views and parts in
// order, blocks one after another from `first_offset` to `end`. INVALID_ARGUMENT says what is not.
absl::Status CheckSnapshotInfo(const SnapshotInfo& info, uint64_t first_offset, uint64_t end);

// The name of a file: 20 digits, ".snapshot".
std::string SnapshotFileName(Position position);

}  // namespace intentlog
