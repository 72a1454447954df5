#include "projections/engine/row_access.h"

#include <climits>
#include <set>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

namespace pb = google::protobuf;

// The first field, at any depth, whose bytes are not certain; null if there is none.
const pb::FieldDescriptor* FindUncertain(const pb::Descriptor& type,
                                         std::set<const pb::Descriptor*>& seen) {
  if (!seen.insert(&type).second) return nullptr;
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor* field = type.field(i);
    if (field->is_map() || field->cpp_type() == pb::FieldDescriptor::CPPTYPE_DOUBLE ||
        field->cpp_type() == pb::FieldDescriptor::CPPTYPE_FLOAT) {
      return field;
    }
    if (field->message_type() == nullptr) continue;
    const pb::FieldDescriptor* inner = FindUncertain(*field->message_type(), seen);
    if (inner != nullptr) return inner;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<const pb::Message*> RowAccess::Prototype(const ProjectionInfo& info) {
  if (info.row == nullptr) return Invalid("projection ", info.name, " names no row message");
  std::set<const pb::Descriptor*> seen;
  if (const pb::FieldDescriptor* field = FindUncertain(*info.row, seen)) {
    return Invalid("projection ", info.name, ": field ", field->full_name(),
                   " is a map or floating point; equal rows could have unequal bytes");
  }
  const pb::Message* prototype = pb::MessageFactory::generated_factory()->GetPrototype(info.row);
  if (prototype == nullptr) {
    return Invalid("projection ", info.name, ": row message ", info.row->full_name(),
                   " is not compiled in");
  }
  return prototype;
}

void RowAccess::Clear(Row& row) {
  if (row.exists_) row.message_->Clear();
  row.exists_ = row.changed_ = false;
}

bool RowAccess::Parse(const pb::Message& prototype, std::string_view bytes, Row& row) {
  if (row.message_ == nullptr) row.message_.reset(prototype.New());
  row.changed_ = false;
  row.exists_ = bytes.size() <= INT_MAX &&
                row.message_->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (!row.exists_) row.message_->Clear();
  return row.exists_;
}

void RowAccess::AppendTo(const Row& row, std::string* bytes) {
  INTENTLOG_CHECK(row.exists_);
  INTENTLOG_CHECK(row.message_->AppendPartialToString(bytes));
}

Row RowAccess::Copy(const Row& row) {
  Row copy;
  if (!row.exists_) return copy;
  copy.message_.reset(row.message_->New());
  copy.message_->CopyFrom(*row.message_);
  copy.exists_ = true;
  return copy;
}

absl::StatusOr<Row> RowFromBytes(const Projection& projection, std::string_view bytes) {
  const ProjectionInfo info = projection.info();
  auto prototype = RowAccess::Prototype(info);
  if (!prototype.ok()) return prototype.status();
  Row row;
  if (!RowAccess::Parse(**prototype, bytes, row)) {
    return DataLoss("a row of ", info.name, " does not parse as ", info.row->full_name());
  }
  return row;
}

std::string RowBytes(const Row& row) {
  std::string bytes;
  RowAccess::AppendTo(row, &bytes);
  return bytes;
}

}  // namespace intentlog
