// A snapshot block is rows of one view in one scope, in the order of their keys: as it lies in a
// snapshot file and as it is sent to a device. The byte layout is drawn in FORMAT.md.
//
//   ASSIGN_OR_RETURN(const SnapshotBlockView block, SnapshotBlockView::Parse(bytes));
//   for (SnapshotRows rows(block); rows.Next();) Use(rows.key(), rows.row());
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog {

// Rows of a block together: large enough to compress well, small enough to be sent in one frame and
// to be lost without much to send again. A row that is larger is a block of its own.
inline constexpr size_t kSnapshotBlockBytesMax = 256 << 10;

// Immutable; owns its rows, not the bytes it was parsed from.
class SnapshotBlockView {
 public:
  // DATA_LOSS if the bytes are not exactly one block: checksum, sizes, or keys that do not ascend.
  // They may come from anywhere: never reads outside them, and takes no more memory than
  // kSnapshotBlockBytesMax or 16 times their size, and 1 MiB.
  static absl::StatusOr<SnapshotBlockView> Parse(std::string_view bytes);

  size_t rows() const { return rows_; }  // never 0
  size_t raw_bytes() const { return raw_.size(); }

 private:
  friend class SnapshotRows;
  std::string raw_;
  size_t rows_ = 0;
};

// Walks the rows of a block, which must outlive it. Thread-compatible.
class SnapshotRows {
 public:
  explicit SnapshotRows(const SnapshotBlockView& block) : rest_(block.raw_) {}
  // False at the end.
  bool Next();
  // Of the row in hand, valid until the next call.
  std::string_view key() const { return key_; }
  // Valid as long as the block.
  std::string_view row() const { return row_; }

 private:
  std::string_view rest_;
  std::string key_;
  std::string_view row_;
};

// OK if the bytes are as they were written, by their checksum alone. DATA_LOSS otherwise.
absl::Status CheckSnapshotBlock(std::string_view bytes);

// Builds one block. Thread-compatible.
class SnapshotBlockBuilder {
 public:
  // REQUIRES: key above the last one added.
  void Add(std::string_view key, std::string_view row);
  // Whether the block would grow over kSnapshotBlockBytesMax with this row, and holds others.
  bool IsFullFor(std::string_view key, std::string_view row) const;
  size_t rows() const { return rows_; }
  // The block; the builder is empty again. REQUIRES: rows() > 0.
  std::string Finish();

 private:
  std::string raw_;
  std::string last_key_;
  size_t rows_ = 0;
};

}  // namespace intentlog
