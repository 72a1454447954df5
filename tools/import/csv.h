// A CsvReader reads records of comma-separated values as RFC 4180 has them, from any ByteSource,
// one at a time. Lines end with LF or CR LF; a byte-order mark at the start is skipped; a field in
// quotes may hold commas, line ends and doubled quotes. Nothing is trimmed or repaired: what is no
// CSV is an error that names its place as "FILE:LINE:COLUMN: …". Lines and columns count from 1,
// columns in characters.
//
// Thread-compatible; the source must outlive it. A record is valid until the next call of Next.
//
//   CsvReader csv(*source);
//   for (;;) {
//     ASSIGN_OR_RETURN(bool more, csv.Next());
//     if (!more) break;
//     if (csv.field(2).empty()) return csv.Error(2, "a price is missing");
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/text.h"
#include "tools/import/byte_source.h"

namespace intentlog {

struct CsvOptions {
  // A quote that is never closed must not eat the memory: these bound one record.
  size_t field_bytes_max = 64 << 10;
  size_t record_bytes_max = 1 << 20;
  // Nor may commas without anything between them: more columns than tables have.
  size_t fields_max = 10'000;
};

class CsvReader {
 public:
  explicit CsvReader(ByteSource& source, const CsvOptions& options = {})
      : source_(source), options_(options) {}

  // The next record; false at the end. INVALID_ARGUMENT: no CSV, or above a limit; or the source's.
  absl::StatusOr<bool> Next();

  size_t size() const { return fields_.size(); }
  std::string_view field(size_t index) const {
    const Field& field = fields_[index];
    return std::string_view(text_).substr(field.begin, field.end - field.begin);
  }
  // Where a field begins (its quote, if it has one).
  uint64_t line(size_t index) const { return fields_[index].line; }
  uint64_t column(size_t index) const;
  // INVALID_ARGUMENT "FILE:LINE:COLUMN: …" for a field of this record. REQUIRES: index < size().
  template <class... Parts>
  absl::Status Error(size_t index, const Parts&... parts) const {
    return Invalid(Place(index), parts...);
  }

 private:
  struct Field {
    size_t begin = 0, end = 0;  // in text_
    uint64_t line = 0;
    uint64_t byte = 0;  // of its line, from 0
  };

  std::string Place(size_t index) const;
  uint64_t ColumnAt(size_t fields_before, uint64_t byte) const;
  // An error at the byte that is next.
  template <class... Parts>
  absl::Status ErrorHere(const Parts&... parts) const {
    return ErrorAt(line_, ColumnAt(fields_.size(), byte_), Cat(parts...));
  }
  absl::Status ErrorAt(uint64_t line, uint64_t column, std::string_view what) const;

  // Makes `rest_` hold at least one byte; false at the end of the source.
  absl::StatusOr<bool> Fill();
  void Take(size_t bytes) {  // none of them a line end
    rest_.remove_prefix(bytes);
    byte_ += bytes;
  }
  absl::Status SkipMark();
  absl::Status ReadField();
  absl::Status ReadPlain(Field& field);
  absl::Status ReadQuoted(Field& field);
  absl::Status Append(const Field& field, std::string_view bytes);
  // Takes what ends a field; true if it ends the record too.
  absl::StatusOr<bool> ReadEnd();

  ByteSource& source_;
  const CsvOptions options_;
  std::string_view rest_;  // of the source's last bytes
  bool ended_ = false;
  uint64_t line_ = 1;  // of the next byte
  uint64_t byte_ = 0;  // of the next byte in its line, from 0
  bool started_ = false;
  std::string text_;  // the record's fields, unquoted
  std::vector<Field> fields_;
};

}  // namespace intentlog
