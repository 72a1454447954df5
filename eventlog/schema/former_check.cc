#include "eventlog/schema/former_check.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/rule_check.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

absl::Status CheckSame(const FieldDescriptor& today, const Descriptor& former) {
  const FieldDescriptor* const then = former.FindFieldByName(today.name());
  if (then != nullptr && then->number() == today.number() && then->type() == today.type() &&
      then->label() == today.label()) {
    return absl::OkStatus();
  }
  return Invalid(PlaceOf(former), ": field ", today.name(), " of ",
                 today.containing_type()->full_name(),
                 " says which events belong together, and must have the same name, number and ",
                 "type in every version");
}

}  // namespace

absl::Status CheckFormer(const EventType& type, const Descriptor& former) {
  RETURN_IF_ERROR(CheckSame(*type.key_field(), former));
  for (const FieldDescriptor* field : type.duplicate_key()) {
    RETURN_IF_ERROR(CheckSame(*field, former));
  }
  return absl::OkStatus();
}

}  // namespace intentlog
