#include "tools/import/csv.h"

#include <algorithm>
#include <array>
#include <utility>

#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

// Bytes that end an unquoted field, or may not be in one.
constexpr std::array<bool, 256> MakeSpecial() {
  std::array<bool, 256> special = {};
  for (const unsigned char c : {',', '"', '\r', '\n'}) special[c] = true;
  return special;
}
constexpr std::array<bool, 256> kSpecial = MakeSpecial();

size_t PlainBytes(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && !kSpecial[static_cast<unsigned char>(text[n])]) ++n;
  return n;
}

uint64_t FollowingBytes(std::string_view text) {  // of characters of several bytes, but the first
  return static_cast<uint64_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) == 0x80; }));
}

}  // namespace

absl::StatusOr<bool> CsvReader::Next() {
  text_.clear();
  fields_.clear();
  if (!started_) {
    started_ = true;
    RETURN_IF_ERROR(SkipMark());
  }
  ASSIGN_OR_RETURN(const bool more, Fill());
  if (!more && text_.empty()) return false;
  for (;;) {
    if (fields_.size() == options_.fields_max) {
      return ErrorHere("a record of more than ", options_.fields_max, " fields");
    }
    RETURN_IF_ERROR(ReadField());
    ASSIGN_OR_RETURN(const bool record_ends, ReadEnd());
    if (record_ends) return true;
  }
}

// A mark may come in pieces: bytes that only began like one are the first field's.
absl::Status CsvReader::SkipMark() {
  for (size_t i = 0; i < kMark.size(); ++i) {
    ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more || rest_[0] != kMark[i]) {
      text_.assign(kMark.data(), i);
      byte_ = i;
      return absl::OkStatus();
    }
    rest_.remove_prefix(1);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::Fill() {
  if (rest_.empty() && !ended_) {
    ASSIGN_OR_RETURN(rest_, source_.Next());
    ended_ = rest_.empty();
  }
  return !rest_.empty();
}

absl::Status CsvReader::ReadField() {
  Field field;
  field.begin = fields_.empty() ? 0 : text_.size();
  field.line = line_;
  field.byte = byte_ - (text_.size() - field.begin);
  ASSIGN_OR_RETURN(const bool more, Fill());
  const bool quoted = more && rest_[0] == '"' && text_.size() == field.begin;
  if (more) RETURN_IF_ERROR(quoted ? ReadQuoted(field) : ReadPlain(field));
  field.end = text_.size();
  fields_.push_back(field);
  return absl::OkStatus();
}

absl::Status CsvReader::ReadPlain(Field& field) {
  for (;;) {
    const size_t n = PlainBytes(rest_);
    RETURN_IF_ERROR(Append(field, rest_.substr(0, n)));
    Take(n);
    if (!rest_.empty()) break;
    ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) return absl::OkStatus();
  }
  if (rest_[0] != '"') return absl::OkStatus();
  field.end = text_.size();
  fields_.push_back(field);
  return ErrorHere("a quote inside a field that does not begin with one; put the field in quotes ",
                   "and double the quote");
}

absl::Status CsvReader::ReadQuoted(Field& field) {
  Take(1);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) {
      return ErrorAt(field.line, ColumnAt(fields_.size(), field.byte),
                     "this quote is never closed: the file ends inside the field");
    }
    const size_t n = std::min(rest_.find_first_of("\"\n"), rest_.size());
    RETURN_IF_ERROR(Append(field, rest_.substr(0, n)));
    Take(n);
    if (rest_.empty()) continue;
    if (rest_[0] == '\n') {
      RETURN_IF_ERROR(Append(field, "\n"));
      rest_.remove_prefix(1);
      ++line_;
      byte_ = 0;
      continue;
    }
    Take(1);
    ASSIGN_OR_RETURN(const bool after, Fill());
    if (!after || rest_[0] != '"') return absl::OkStatus();
    RETURN_IF_ERROR(Append(field, "\""));
    Take(1);
  }
}

absl::Status CsvReader::Append(const Field& field, std::string_view bytes) {
  const bool field_too_large = text_.size() - field.begin + bytes.size() > options_.field_bytes_max;
  if (field_too_large || text_.size() + bytes.size() > options_.record_bytes_max) {
    const uint64_t column = ColumnAt(fields_.size(), field.byte);
    return ErrorAt(field.line, column,
                   field_too_large ? Cat("a field of more than ", options_.field_bytes_max,
                                         " bytes; is a quote missing?")
                                   : Cat("a record of more than ", options_.record_bytes_max,
                                         " bytes; is a quote missing?"));
  }
  text_.append(bytes);
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::ReadEnd() {
  ASSIGN_OR_RETURN(const bool more, Fill());
  if (!more) return true;
  if (rest_[0] == ',') {
    Take(1);
    return false;
  }
  if (rest_[0] == '\r') {
    Take(1);
    ASSIGN_OR_RETURN(const bool after, Fill());
    if (!after || rest_[0] != '\n') {
      return ErrorHere("a carriage return without a line feed after it");
    }
  }
  if (rest_[0] != '\n') {
    return ErrorHere("text after the closing quote; a quote inside a field must be doubled");
  }
  rest_.remove_prefix(1);
  ++line_;
  byte_ = 0;
  return true;
}

uint64_t CsvReader::column(size_t index) const { return ColumnAt(index, fields_[index].byte); }

// Bytes of the line less those that only continue a character; they lie in the fields before.
uint64_t CsvReader::ColumnAt(size_t fields_before, uint64_t byte) const {
  uint64_t following = 0;
  for (size_t i = std::min(fields_before, fields_.size()); i > 0; --i) {
    const std::string_view text = field(i - 1);
    const size_t line_end = text.rfind('\n');
    if (line_end != std::string_view::npos) {
      following += FollowingBytes(text.substr(line_end + 1));
      break;
    }
    following += FollowingBytes(text);
  }
  return byte - following + 1;
}

std::string CsvReader::Place(size_t index) const {
  return Cat(source_.path(), ":", line(index), ":", column(index), ": ");
}

absl::Status CsvReader::ErrorAt(uint64_t line, uint64_t column, std::string_view what) const {
  return Invalid(source_.path(), ":", line, ":", column, ": ", what);
}

}  // namespace intentlog
