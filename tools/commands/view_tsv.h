// A view's rows as tab-separated lines, `key TAB columns…`, and the SHA-256 of all of them: the
// form in which read models are compared across machines and with other programs.
//
//   ViewTsv tsv(*projection);
//   RETURN_IF_ERROR(tsv.Add(key, row));   // for each row in ascending byte order of keys
//   tsv.Sha256();                          // as `view dump NAME --tsv | sha256sum`
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "projections/engine/projection.h"

namespace intentlog {

// Thread-compatible.
class ViewTsv {
 public:
  explicit ViewTsv(const Projection& projection);
  ~ViewTsv();

  // Makes the row's line; it is at line() until the next call.
  absl::Status Add(std::string_view key, const Row& row);
  // With its line end. Tabs and line ends inside of a cell are written as \t, \n and \r.
  const std::string& line() const { return line_; }
  uint64_t rows() const { return rows_; }
  // A cell as it is in a line.
  static std::string Cell(std::string_view cell);
  // Of all lines so far, in hexadecimal.
  std::string Sha256() const;

 private:
  struct Hash;
  const Projection& projection_;
  std::vector<std::string> columns_;
  std::string line_;
  uint64_t rows_ = 0;
  std::unique_ptr<Hash> hash_;
};

}  // namespace intentlog
