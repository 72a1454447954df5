#include "eventlog/log/event.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/runtime/wire_fields.h"
#include "eventlog/schema/former_versions.h"
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

// Of Header and Intent, what every event needs, read without parsing the rest. Field numbers of
// proto/event.proto.
struct HeaderFacts {
  uint64_t position = 0;
  Decision decision = DECISION_UNSPECIFIED;
  uint64_t settlement_of = 0;
  bool has_without = false;
  bool without_all = false;
  uint32_t without_version = 0;
};

struct IntentFacts {
  std::string_view type;
  std::string_view scope;
  std::string_view payload;
  uint32_t version = 0;
};

bool ReadHeader(std::string_view bytes, HeaderFacts& facts) {
  WireFields fields(bytes);
  while (fields.Next()) {
    if (fields.number() == Header::kWithoutFieldNumber) facts.has_without = true;
    if (!fields.is_varint()) continue;
    switch (fields.number()) {
      case Header::kPositionFieldNumber:
        facts.position = fields.varint();
        break;
      case Header::kDecisionFieldNumber:
        facts.decision = static_cast<Decision>(fields.varint());
        break;
      case Header::kSettlementOfFieldNumber:
        facts.settlement_of = fields.varint();
        break;
      case Header::kWithoutAllFieldNumber:
        facts.without_all = fields.varint() != 0;
        break;
      case Header::kWithoutVersionFieldNumber:
        facts.without_version = static_cast<uint32_t>(fields.varint());
        break;
      default:
        break;
    }
  }
  return fields.ok();
}

bool ReadIntent(std::string_view bytes, IntentFacts& facts) {
  WireFields fields(bytes);
  while (fields.Next()) {
    if (!fields.is_bytes()) {
      const bool version =
          fields.is_varint() && fields.number() == Intent::kSchemaVersionFieldNumber;
      if (version) facts.version = static_cast<uint32_t>(fields.varint());
      continue;
    }
    if (fields.number() == Intent::kTypeFieldNumber) facts.type = fields.bytes();
    if (fields.number() == Intent::kScopeFieldNumber) facts.scope = fields.bytes();
    if (fields.number() == Intent::kPayloadFieldNumber) facts.payload = fields.bytes();
  }
  return fields.ok();
}

const Header& PendingHeader() {
  static const Header* const header = [] {
    auto* made = new Header;
    made->set_decision(ACCEPTED);
    return made;
  }();
  return *header;
}

}  // namespace

EventDecoder::EventDecoder(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {}
EventDecoder::~EventDecoder() = default;

absl::StatusOr<const Event*> EventDecoder::Decode(const EventRef& ref) {
  HeaderFacts header;
  IntentFacts intent;
  if (!ReadHeader(ref.header, header)) return Unreadable(ref.position, "header");
  if (!ReadIntent(ref.intent, intent)) return Unreadable(ref.position, "intent");
  if (header.position != ref.position.value()) {
    return DataLoss("the event at position ", ref.position, " has the header of position ",
                    header.position, "; run verify");
  }
  envelope_.Reset(ref.header, ref.intent);
  event_ = Event();
  event_.position = ref.position;
  event_.scope = ref.scope;
  event_.envelope = &envelope_;
  if (header.settlement_of != 0) {
    RETURN_IF_ERROR(FillSettlement());
  } else {
    Content content{header.decision, intent.type, intent.payload,
                    intent.version,  {},          header.without_all};
    if (header.has_without) {
      content.without = {&envelope_.header().without(), header.without_version};
    }
    RETURN_IF_ERROR(Fill(content));
  }
  return &event_;
}

absl::StatusOr<const Event*> EventDecoder::DecodePending(std::string_view intent_bytes) {
  IntentFacts intent;
  if (!ReadIntent(intent_bytes, intent)) return DataLoss("a pending intent does not parse");
  envelope_.Reset(PendingHeader(), intent_bytes);
  event_ = Event();
  event_.scope = intent.scope;
  event_.envelope = &envelope_;
  RETURN_IF_ERROR(Fill({ACCEPTED, intent.type, intent.payload, intent.version}));
  return &event_;
}

absl::Status EventDecoder::FillSettlement() {
  if (!Parse(envelope_.intent().payload(), &settlement_)) {
    return Unreadable(event_.position, "settlement");
  }
  event_.settlement = &settlement_;
  // A turned one is open still, whatever its decision.
  if (settlement_.turned()) return absl::OkStatus();
  return Fill({settlement_.decision(),
               settlement_.type(),
               settlement_.payload(),
               settlement_.schema_version(),
               {&settlement_.without(), settlement_.without_version()},
               settlement_.without_all()});
}

absl::Status EventDecoder::Fill(Content content) {
  event_.effective = IsEffective(content.decision);
  if (!event_.effective || content.without_all) return absl::OkStatus();
  Slot* const slot = Find(content.type);
  if (slot == nullptr) return FillUnknown(content);
  event_.payload_bytes = content.payload.size();
  if (content.version != slot->version || content.without.version != 0) {
    ASSIGN_OR_RETURN(const bool known, ToToday(*slot->type, content));
    if (!known) return absl::OkStatus();
  }
  if (!Parse(content.payload, slot->payload.get())) return Unreadable(event_.position, "payload");
  if (content.without.numbers != nullptr) ClearFields(*content.without.numbers, *slot->payload);
  event_.type = slot->type;
  event_.payload = slot->payload.get();
  return absl::OkStatus();
}

absl::StatusOr<bool> EventDecoder::ToToday(const EventType& type, Content& content) {
  LostFields& lost = content.without;
  if (lost.version == 0) lost.version = std::max(content.version, 1u);
  const bool lost_some = lost.numbers != nullptr && !lost.numbers->empty();
  if (type.IsNewer(content.version) || (lost_some && type.IsNewer(lost.version))) return false;
  if (!type.IsFormer(content.version)) return true;
  const auto upcast = type.Upcast(content.version, content.payload, lost, upcast_);
  if (!upcast.ok()) {
    return FailedPrecondition("the event at position ", event_.position, ": ", upcast.status(),
                              "; a program whose upcaster can read it goes on");
  }
  content.payload = *upcast;
  if (type.IsFormer(lost.version)) lost.numbers = nullptr;
  return true;
}

absl::Status EventDecoder::FillUnknown(const Content& content) {
  if (content.type != kUnparkType) return absl::OkStatus();
  if (!Parse(content.payload, &unpark_)) return Unreadable(event_.position, "payload");
  event_.unpark = &unpark_;
  return absl::OkStatus();
}

EventDecoder::Slot* EventDecoder::Find(std::string_view type_name) {
  if (last_ != nullptr && last_->type->name() == type_name) return last_;
  const auto known = slots_.find(type_name);
  if (known != slots_.end()) return last_ = &known->second;
  const EventType* const type = schema_->Find(type_name);
  if (type == nullptr) return nullptr;
  Slot& slot = slots_[std::string(type_name)];
  slot.type = type;
  slot.version = type->schema_version();
  slot.payload = type->NewPayload();
  return last_ = &slot;
}

}  // namespace intentlog
