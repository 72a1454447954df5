#include "projections/engine/made_event.h"

#include <utility>

#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

std::unique_ptr<google::protobuf::Message> CopyOf(const google::protobuf::Message& message) {
  std::unique_ptr<google::protobuf::Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

}  // namespace

std::shared_ptr<const Schema> CommerceSchema() {
  static const auto* const schema = new std::shared_ptr<const Schema>(
      Schema::Compiled({commerce::OrderOpened::descriptor()->file()}));
  return *schema;
}

MadeEvent::MadeEvent(uint64_t position, std::string scope, const google::protobuf::Message& payload,
                     bool effective)
    : scope_(std::move(scope)), payload_(CopyOf(payload)) {
  Header header;
  header.set_position(position);
  header.set_decision(effective ? ACCEPTED : REJECTED);
  header_bytes_ = header.SerializeAsString();
  Intent intent;
  const EventType* const type = CommerceSchema()->Find(payload.GetTypeName());
  intent.set_type(payload.GetTypeName());
  if (type != nullptr) intent.set_schema_version(type->schema_version());
  intent.set_scope(scope_);
  intent.set_payload(payload.SerializeAsString());
  intent_bytes_ = intent.SerializeAsString();
  envelope_.Reset(header_bytes_, intent_bytes_);
  event_.position = Position(position);
  event_.scope = scope_;
  event_.envelope = &envelope_;
  event_.effective = effective;
  if (effective) event_.type = type;
  if (event_.type != nullptr) event_.payload = payload_.get();
  if (effective) event_.unpark = dynamic_cast<const Unpark*>(payload_.get());
}

}  // namespace intentlog
