// Rows as text: for people, for scripts, and to compare two read models by a checksum of their
// dumps. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "projections/engine/row_cursor.h"

namespace intentlog {

// `text` without tab, newline, carriage return and backslash: they become \t, \n, \r and \\.
std::string TsvEscaped(std::string_view text);

// Calls line("key TAB columns… LF") for every row, in the order of the cursor; an error of `line`
// ends it. An error of a row names view and key.
absl::Status DumpTsv(RowCursor& cursor, const Projection& projection,
                     const std::function<absl::Status(std::string_view line)>& line);

// The row as JSON, with the field names of its message: {"lines":"3","units":"7", …}. As protobuf
// has it, 64-bit numbers are texts. REQUIRES: row.exists().
absl::StatusOr<std::string> RowJson(const Row& row);

}  // namespace intentlog
