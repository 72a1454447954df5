#include "eventlog/log/event.h"

#include <utility>

#include "eventlog/runtime/text.h"
#include "google/protobuf/descriptor.h"

namespace intentlog {
namespace {

bool Parse(std::string_view bytes, google::protobuf::Message* message) {
  return bytes.size() <= INT32_MAX &&
         message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

absl::Status Unreadable(Position position, std::string_view part) {
  return DataLoss("the ", part, " of the event at position ", position,
                  " does not parse; run verify");
}

void ClearFields(const google::protobuf::RepeatedField<uint32_t>& numbers,
                 google::protobuf::Message* message) {
  for (const uint32_t number : numbers) {
    const google::protobuf::FieldDescriptor* field =
        message->GetDescriptor()->FindFieldByNumber(static_cast<int>(number));
    if (field != nullptr) message->GetReflection()->ClearField(message, field);
  }
}

}  // namespace

EventDecoder::EventDecoder(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {}
EventDecoder::~EventDecoder() = default;

absl::StatusOr<const Event*> EventDecoder::Decode(const EventRef& ref) {
  event_ = Event();
  event_.position = ref.position;
  event_.scope = ref.scope;
  if (!Parse(ref.header, &header_)) return Unreadable(ref.position, "header");
  if (!Parse(ref.intent, &intent_)) return Unreadable(ref.position, "intent");
  if (header_.position() != ref.position.value()) {
    return DataLoss("the event at position ", ref.position, " has the header of position ",
                    header_.position(), "; run verify");
  }
  event_.header = &header_;
  event_.intent = &intent_;
  const absl::Status status = header_.settlement_of() != 0
                                  ? FillSettlement()
                                  : Fill({header_.decision(), intent_.type(), intent_.payload(),
                                          header_.without(), header_.without_all()});
  if (!status.ok()) return status;
  return &event_;
}

absl::StatusOr<const Event*> EventDecoder::DecodePending(std::string_view intent_bytes) {
  event_ = Event();
  header_.Clear();
  header_.set_decision(ACCEPTED);
  if (!Parse(intent_bytes, &intent_)) return DataLoss("a pending intent does not parse");
  event_.scope = intent_.scope();
  event_.header = &header_;
  event_.intent = &intent_;
  const absl::Status status =
      Fill({ACCEPTED, intent_.type(), intent_.payload(), header_.without(), /*without_all=*/false});
  if (!status.ok()) return status;
  return &event_;
}

absl::Status EventDecoder::FillSettlement() {
  if (!Parse(intent_.payload(), &settlement_)) {
    return Unreadable(event_.position, "settlement");
  }
  event_.settlement = &settlement_;
  // A turned one is open still, whatever its decision.
  if (settlement_.turned()) return absl::OkStatus();
  return Fill({settlement_.decision(), settlement_.type(), settlement_.payload(),
               settlement_.without(), settlement_.without_all()});
}

absl::Status EventDecoder::Fill(const Content& content) {
  event_.effective = IsEffective(content.decision);
  if (!event_.effective || content.without_all) return absl::OkStatus();
  Slot* const slot = Find(content.type);
  if (slot == nullptr) return absl::OkStatus();
  if (!Parse(content.payload, slot->payload.get())) return Unreadable(event_.position, "payload");
  if (!content.without.empty()) ClearFields(content.without, slot->payload.get());
  event_.type = slot->type;
  event_.payload = slot->payload.get();
  return absl::OkStatus();
}

EventDecoder::Slot* EventDecoder::Find(const std::string& type_name) {
  if (last_ != nullptr && last_->type->name() == type_name) return last_;
  const auto known = slots_.find(type_name);
  if (known != slots_.end()) return last_ = &known->second;
  const EventType* const type = schema_->Find(type_name);
  if (type == nullptr) return nullptr;
  Slot& slot = slots_[type_name];
  slot.type = type;
  slot.payload = type->NewPayload();
  return last_ = &slot;
}

}  // namespace intentlog
