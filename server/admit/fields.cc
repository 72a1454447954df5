#include "server/admit/fields.h"

namespace intentlog {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;

}  // namespace

std::vector<const ClashField*> FieldsSet(const EventType& type, const Message& payload) {
  const Reflection* const reflection = payload.GetReflection();
  std::vector<const ClashField*> set;
  for (const ClashField& field : type.clash_fields()) {
    const bool there = field.field->is_repeated() ? reflection->FieldSize(payload, field.field) > 0
                                                  : reflection->HasField(payload, field.field);
    if (there) set.push_back(&field);
  }
  return set;
}

Meeting MeetingOf(const ClashField& mine, const EventType& type,
                  const EntitySummary::TypeSummary& theirs, const EventType& their_type) {
  Meeting meeting;
  const ClashField* const other =
      &type == &their_type ? &mine : their_type.ClashFieldOf(std::string_view(mine.name));
  if (other == nullptr) return meeting;
  meeting.on_clash = OnClash(mine, *other);
  if (theirs.fields_form() != their_type.form()) return meeting;
  for (const EntitySummary::FieldSummary& field : theirs.fields()) {
    if (field.number() == other->number) meeting.writers = &field;
  }
  return meeting;
}

uint64_t FieldsUntold(const EntitySummary::TypeSummary& theirs, const EventType& their_type) {
  const bool told = theirs.fields_told() && theirs.fields_form() == their_type.form();
  if (told || theirs.writers().empty()) return theirs.fields_untold();
  return theirs.writers(0).position();
}

}  // namespace intentlog
