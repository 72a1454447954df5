// RowAccess is what the engine may do with a Row and a projection may not: make it from stored
// bytes and back. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "projections/engine/projection.h"

namespace intentlog {

class RowAccess {
 public:
  // The empty row message of a projection. INVALID_ARGUMENT: not compiled in, or it holds, at any
  // depth, a map or floating point, so that equal rows could have unequal bytes; names the field.
  static absl::StatusOr<const google::protobuf::Message*> Prototype(const ProjectionInfo& info);

  // Makes `row` absent and unchanged; its memory is kept for the next one.
  static void Clear(Row& row);
  // Makes `row` what `bytes` say, unchanged. False if they do not parse; the row is then absent.
  static bool Parse(const google::protobuf::Message& prototype, std::string_view bytes, Row& row);
  // Appends the row's bytes. REQUIRES: row.exists().
  static void AppendTo(const Row& row, std::string* bytes);
  static Row Copy(const Row& row);

  // Whether Edit or Remove was called since Clear, Parse or the last ClearChanged.
  static bool changed(const Row& row) { return row.changed_; }
  static void ClearChanged(Row& row) { row.changed_ = false; }
};

// A row from its bytes, as another machine sent them. DATA_LOSS if they do not parse.
absl::StatusOr<Row> RowFromBytes(const Projection& projection, std::string_view bytes);
// The row's bytes, equal for equal rows. REQUIRES: row.exists().
std::string RowBytes(const Row& row);

}  // namespace intentlog
