#include "server/admit/test_entity.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/text_format.h"
#include "server/admit/admit.h"
#include "server/admit/clock.h"
#include "server/admit/summary.h"

namespace intentlog {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kId[] = "1";

void Set(const std::string& name, const std::string& value, Message& message) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  INTENTLOG_CHECK(field != nullptr);
  const bool text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  const std::string shown = text ? Cat('"', value, '"') : value;
  INTENTLOG_CHECK(google::protobuf::TextFormat::Parser().MergeFromString(
      field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ? Cat(name, " { ", value, " }")
                                                            : Cat(name, ": ", shown),
      &message));
}

}  // namespace

LogId TestLog(int number) {
  return LogId::FromBytes(std::string(LogId::kSize, static_cast<char>('a' + number)));
}

ClockFacts GoodClock(int64_t server_now_us) { return {true, 0, 0, 0, 0, server_now_us}; }

std::shared_ptr<Message> TestEntity::PayloadOf(const Deed& deed) const {
  const EventType* const type = schema_->Find(deed.type);
  INTENTLOG_CHECK(type != nullptr);
  std::shared_ptr<Message> payload = type->NewPayload();
  Set(key_, kId, *payload);
  for (const auto& [name, value] : deed.fields) Set(name, value, *payload);
  return payload;
}

Intent TestEntity::IntentOf(const Deed& deed) const {
  Intent intent;
  intent.set_intent_id(std::string(IntentId::kSize, 'i'));
  intent.set_type(schema_->Find(deed.type)->name());
  intent.set_entity_type(entity_type_);
  intent.set_entity_id(kId);
  intent.set_scope("shop");
  intent.set_device_time_us(deed.device_time_us);
  return intent;
}

NaiveEvent TestEntity::EventOf(const Deed& deed) const {
  NaiveEvent event;
  event.type = schema_->Find(deed.type);
  event.payload = PayloadOf(deed);
  event.log = deed.own_logs.front().id;
  event.time_us = TrustedTime(*event.type, IntentOf(deed), deed.clock);
  return event;
}

Verdict TestEntity::Ask(const Deed& deed) const {
  const Intent intent = IntentOf(deed);
  const auto payload = PayloadOf(deed);
  AdmitInput input;
  input.intent = &intent;
  input.schema = schema_.get();
  input.type = schema_->Find(deed.type);
  input.payload = payload.get();
  input.entity = &summary_;
  input.own_logs = deed.own_logs;
  input.base = Position(deed.base);
  input.clock = deed.clock;
  return Admit(input);
}

NaiveVerdict TestEntity::AskNaively(const Deed& deed) const {
  std::set<LogId> own_logs;
  for (const OwnLog& own : deed.own_logs) own_logs.insert(own.id);
  return NaiveAdmit(EventOf(deed), effective_, own_logs, deed.base);
}

void TestEntity::Add(const Deed& deed, const Verdict& verdict) {
  ++position_;
  const Intent intent = IntentOf(deed);
  const auto payload = PayloadOf(deed);
  const EventType& type = TypeOf(deed);
  AddToSummary(intent, verdict, FootprintOf(type, *payload, intent, deed.clock),
               deed.own_logs.front().id, Position(position_), summary_);
  if (verdict.decision != ACCEPTED && verdict.decision != MERGED) return;
  NaiveEvent event = EventOf(deed);
  event.position = position_;
  event.without = Plain(deed, verdict).without;
  event.without_all = verdict.without_all;
  effective_.push_back(std::move(event));
}

Verdict TestEntity::Do(const Deed& deed) {
  const Verdict verdict = Ask(deed);
  Add(deed, verdict);
  return verdict;
}

NaiveVerdict TestEntity::Plain(const Deed& deed, const Verdict& verdict) const {
  NaiveVerdict plain;
  plain.decision = verdict.decision;
  plain.code = verdict.reason.code();
  plain.fields.insert(verdict.reason.fields().begin(), verdict.reason.fields().end());
  plain.without_all = verdict.without_all;
  plain.duplicate_of = verdict.duplicate_of;
  for (const uint32_t number : verdict.without) {
    plain.without.insert(
        TypeOf(deed).descriptor()->FindFieldByNumber(static_cast<int>(number))->name());
  }
  return plain;
}

}  // namespace intentlog
