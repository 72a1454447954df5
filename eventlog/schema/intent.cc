#include "eventlog/schema/intent.h"

#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/upcast.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace intentlog {

static_assert(kUpcastSizeMax == 2 * kPayloadSizeMax);

namespace {

using google::protobuf::Message;

void AssignBytes(std::string* field, std::string_view bytes) {
  field->assign(bytes.data(), bytes.size());
}

// Maps in the order of their keys, so that equal payloads give equal bytes.
void SerializePayload(const Message& payload, std::string* bytes) {
  const size_t size = payload.ByteSizeLong();
  INTENTLOG_CHECK(size < (size_t{1} << 31));
  bytes->resize(size);
  google::protobuf::io::ArrayOutputStream stream(bytes->data(), static_cast<int>(size));
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  payload.SerializeWithCachedSizes(&coded);
}

Violation Malformed(std::string_view field, std::string text) {
  return {Reason::MALFORMED, std::string(field), std::move(text)};
}

std::optional<Violation> FromStatus(std::string_view field, const absl::Status& status) {
  if (status.ok()) return std::nullopt;
  return Malformed(field, std::string(MessageOf(status)));
}

std::optional<Violation> CheckIds(const Intent& intent) {
  if (intent.intent_id().size() != IntentId::kSize) {
    return Malformed("intent_id", Cat("intent_id has ", intent.intent_id().size(),
                                      " bytes instead of ", IntentId::kSize));
  }
  if (IntentId::FromBytes(intent.intent_id()).nil()) {
    return Malformed("intent_id", "intent_id is all zeros");
  }
  const size_t epoch_size = intent.based_on().epoch_id().size();
  if (epoch_size != 0 && epoch_size != EpochId::kSize) {
    return Malformed("based_on", Cat("based_on.epoch_id has ", epoch_size, " bytes instead of ",
                                     EpochId::kSize, " or none"));
  }
  if (epoch_size == 0 && intent.based_on().position() != 0) {
    return Malformed("based_on", Cat("based_on has position ", intent.based_on().position(),
                                     " without an epoch"));
  }
  return std::nullopt;
}

std::optional<Violation> CheckSizes(const Intent& intent) {
  if (intent.type().empty()) return Malformed("type", "type is empty");
  if (intent.type().size() > kTypeNameSizeMax) {
    return Malformed("type", Cat("type has ", intent.type().size(), " bytes; the most allowed is ",
                                 kTypeNameSizeMax));
  }
  if (intent.payload().size() > kPayloadSizeMax) {
    return Malformed("payload", Cat("payload has ", intent.payload().size(),
                                    " bytes; the most allowed is ", kPayloadSizeMax));
  }
  if (intent.batch_size() == 1 || intent.batch_size() > kBatchIntentsMax) {
    return Malformed("batch_size", Cat("batch_size is ", intent.batch_size(),
                                       "; allowed are 0 and 2 to ", kBatchIntentsMax));
  }
  return std::nullopt;
}

}  // namespace

Intent MakeIntent(const EventType& type, const google::protobuf::Message& payload,
                  const Envelope& envelope) {
  Intent intent;
  FillIntent(type, payload, envelope, intent);
  return intent;
}

void FillIntent(const EventType& type, const google::protobuf::Message& payload,
                const Envelope& envelope, Intent& intent) {
  AssignBytes(intent.mutable_intent_id(), envelope.intent_id.bytes());
  intent.set_type(type.name());
  intent.set_entity_type(type.entity_type());
  intent.set_entity_id(type.EntityId(payload));
  AssignBytes(intent.mutable_scope(), envelope.scope);
  intent.set_schema_version(type.schema_version());
  HistoryPoint& based_on = *intent.mutable_based_on();
  AssignBytes(based_on.mutable_epoch_id(),
              envelope.based_on_epoch.nil() ? "" : envelope.based_on_epoch.bytes());
  based_on.set_position(envelope.based_on_position.value());
  intent.set_device_time_us(envelope.device_time_us);
  intent.set_hlc(envelope.hlc);
  intent.set_batch_size(envelope.batch_size);
  intent.set_clock_steps(envelope.clock_steps);
  SerializePayload(payload, intent.mutable_payload());
}

std::optional<Violation> CheckEnvelope(const Intent& intent) {
  if (auto violation = CheckIds(intent)) return violation;
  if (auto violation = FromStatus("entity_type", ValidEntityType(intent.entity_type()))) {
    return violation;
  }
  if (auto violation = FromStatus("entity_id", ValidEntityId(intent.entity_id()))) {
    return violation;
  }
  if (auto violation = FromStatus("scope", ValidScope(intent.scope()))) return violation;
  return CheckSizes(intent);
}

std::optional<Violation> CheckPayload(const EventType& type, const Intent& intent,
                                      google::protobuf::Message& payload) {
  if (type.IsNewer(intent.schema_version())) {
    return Violation{Reason::NEWER_SCHEMA, "",
                     Cat("version ", intent.schema_version(), " of ", type.name(),
                         " is newer than ", type.schema_version(), ", which is known here")};
  }
  if (auto violation = type.Read(intent.schema_version(), intent.payload(), payload)) {
    return violation;
  }
  if (type.entity_type() != intent.entity_type()) {
    return Violation{Reason::ENTITY_MISMATCH, "",
                     Cat(type.name(), " is about entity ", type.entity_type(),
                         ", and the envelope says ", intent.entity_type())};
  }
  const std::string id = type.EntityId(payload);
  if (id != intent.entity_id()) {
    return Violation{
        Reason::ENTITY_MISMATCH, type.rules().key(),
        Cat(type.rules().key(), " is ", id, ", and the envelope says ", intent.entity_id())};
  }
  return std::nullopt;
}

}  // namespace intentlog
