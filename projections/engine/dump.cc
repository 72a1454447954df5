#include "projections/engine/dump.h"

#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/util/json_util.h"
#include "projections/engine/row_keys.h"

namespace intentlog {
namespace {

void AppendEscaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

std::string TsvEscaped(std::string_view text) {
  std::string out;
  AppendEscaped(text, out);
  return out;
}

absl::Status DumpTsv(RowCursor& cursor, const Projection& projection,
                     const std::function<absl::Status(std::string_view line)>& line) {
  std::vector<std::string> columns;
  std::string text;
  for (;;) {
    ASSIGN_OR_RETURN(const MergedRow* row, cursor.Next());
    if (row == nullptr) return absl::OkStatus();
    columns.clear();
    if (const absl::Status status = projection.Print(row->row, columns); !status.ok()) {
      return StatusOf(status.code(), "view ", projection.info().name, ", key ", Quoted(row->key),
                      ": ", status);
    }
    text.clear();
    AppendEscaped(row->key, text);
    for (const std::string& column : columns) {
      text += '\t';
      AppendEscaped(column, text);
    }
    text += '\n';
    RETURN_IF_ERROR(line(text));
  }
}

absl::StatusOr<std::string> RowJson(const Row& row) {
  INTENTLOG_CHECK(row.exists());
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(*row.message(), &json, options);
  if (!status.ok()) return DataLoss("a row does not print as JSON: ", status.ToString());
  return json;
}

}  // namespace intentlog
