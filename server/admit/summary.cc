#include "server/admit/summary.h"

#include <algorithm>
#include <string_view>

#include "eventlog/runtime/check.h"
#include "server/admit/clock.h"
#include "server/admit/content.h"
#include "server/admit/fields.h"

namespace intentlog {
namespace {

using TypeSummary = EntitySummary::TypeSummary;
using FieldSummary = EntitySummary::FieldSummary;
using Writer = EntitySummary::Writer;

// The event that is added, as its writers' lists need it.
struct Stamp {
  std::string_view log;
  uint64_t position = 0;
  bool timed = false;          // some rule asks for the time
  int64_t device_time_us = 0;  // 0: does not count
};

TypeSummary& TypeIn(EntitySummary& summary, const std::string& name) {
  for (TypeSummary& type : *summary.mutable_types()) {
    if (type.type() == name) return type;
  }
  TypeSummary& type = *summary.add_types();
  type.set_type(name);
  return type;
}

FieldSummary& FieldIn(TypeSummary& type, uint32_t number) {
  for (FieldSummary& field : *type.mutable_fields()) {
    if (field.number() == number) return field;
  }
  FieldSummary& field = *type.add_fields();
  field.set_number(number);
  return field;
}

// One that falls off the end is remembered by positions and times alone. `Summary`: of a type or of
// a field.
template <class Summary>
void Forget(const Writer& writer, Summary& summary) {
  summary.set_older(std::max<uint64_t>(summary.older(), writer.position()));
  const int64_t time = std::max(writer.device_time_us(), writer.earlier_time_us());
  summary.set_greatest_device_time_us(std::max<int64_t>(summary.greatest_device_time_us(), time));
  const uint64_t untrusted = writer.device_time_us() == 0 ? writer.position() : writer.untrusted();
  summary.set_untrusted_time(std::max<uint64_t>(summary.untrusted_time(), untrusted));
}

void Restamp(const Stamp& stamp, Writer& writer) {
  if (stamp.timed && writer.position() != 0) {
    const int64_t earlier = std::max(writer.device_time_us(), writer.earlier_time_us());
    writer.set_earlier_time_us(earlier > stamp.device_time_us ? earlier : 0);
    if (writer.device_time_us() == 0) writer.set_untrusted(writer.position());
  }
  writer.set_position(stamp.position);
  writer.set_device_time_us(stamp.device_time_us);
}

// Moves the log to the front.
template <class Summary>
void AddWriter(const Stamp& stamp, Summary& summary) {
  auto& writers = *summary.mutable_writers();
  int at = 0;
  while (at < writers.size() && writers[at].log_id() != stamp.log) ++at;
  if (at == writers.size()) {
    if (at < kWritersPerType) {
      writers.Add();
    } else {
      --at;
      Forget(writers[at], summary);
      writers[at].Clear();
    }
    writers[at].set_log_id(stamp.log.data(), stamp.log.size());
  }
  Restamp(stamp, writers[at]);
  for (; at > 0; --at) writers.SwapElements(at, at - 1);
}

void AddFields(const Footprint& footprint, const std::vector<uint32_t>& without, const Stamp& stamp,
               TypeSummary& type) {
  if (!footprint.type->asks_fields()) {
    type.clear_fields();
    type.set_fields_told(false);
    return;
  }
  if (!type.fields_told() || type.fields_form() != footprint.type->form()) {
    type.clear_fields();
    type.set_fields_told(true);
    type.set_fields_form(footprint.type->form());
    if (type.writers_size() > 0) type.set_fields_untold(type.writers(0).position());
  }
  for (const ClashField& field : footprint.type->clash_fields()) {
    const auto number = static_cast<uint32_t>(field.field->number());
    const auto holds = [number](const std::vector<uint32_t>& in) {
      return std::find(in.begin(), in.end(), number) != in.end();
    };
    if (holds(footprint.fields) && !holds(without)) AddWriter(stamp, FieldIn(type, field.number));
  }
}

void AddContent(uint64_t hash, const Stamp& stamp, TypeSummary& type) {
  auto& recent = *type.mutable_recent();
  if (recent.size() < kContentsPerType) recent.Add();
  int at = recent.size() - 1;
  recent[at].set_hash(hash);
  recent[at].set_position(stamp.position);
  recent[at].set_log_id(stamp.log.data(), stamp.log.size());
  for (; at > 0; --at) recent.SwapElements(at, at - 1);
}

void AddEffective(const Verdict& verdict, const Footprint& footprint, Stamp stamp,
                  EntitySummary& summary) {
  INTENTLOG_CHECK(footprint.type != nullptr);
  const EventType& event = *footprint.type;
  summary.set_version(summary.version() + 1);
  if (verdict.without_all) return;
  summary.set_last_effective(stamp.position);
  stamp.timed = event.asks_time();
  stamp.device_time_us = footprint.device_time_us;
  TypeSummary& type = TypeIn(summary, event.name());
  AddFields(footprint, verdict.without, stamp, type);  // looks at the writers before this one
  AddWriter(stamp, type);
  if (event.asks_content()) {
    AddContent(verdict.without.empty() ? footprint.content : 0, stamp, type);
  } else {
    type.clear_recent();
  }
}

bool IsOpenLane(const EntitySummary& summary, const LogId& log) {
  return std::any_of(
      summary.open().begin(), summary.open().end(),
      [&](const EntitySummary::OpenLane& lane) { return lane.log_id() == log.bytes(); });
}

}  // namespace

Footprint FootprintOf(const EventType& type, const google::protobuf::Message& payload,
                      const Intent& intent, const ClockFacts& clock) {
  Footprint footprint;
  footprint.type = &type;
  if (type.asks_fields()) {
    for (const ClashField* field : FieldsSet(type, payload)) {
      footprint.fields.push_back(static_cast<uint32_t>(field->field->number()));
    }
  }
  if (type.asks_content()) footprint.content = ContentHash(type, payload);
  if (type.asks_time()) footprint.device_time_us = TrustedTime(type, intent, clock).value_or(0);
  return footprint;
}

void AddToSummary(const Intent& intent, const Verdict& verdict, const Footprint& footprint,
                  const LogId& log, Position position, EntitySummary& summary) {
  const Decision decision = verdict.decision;
  if (summary.scope().empty() && decision != REJECTED) summary.set_scope(intent.scope());
  if (decision == ACCEPTED || decision == MERGED) {
    const std::string_view id = log.bytes();
    AddEffective(verdict, footprint, {id, position.value(), false, 0}, summary);
    return;
  }
  if (decision == DUPLICATE || IsOpenLane(summary, log)) return;
  EntitySummary::OpenLane& lane = *summary.add_open();
  lane.set_log_id(log.bytes().data(), log.bytes().size());
  lane.set_position(position.value());
}

}  // namespace intentlog
