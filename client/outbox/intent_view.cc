#include "client/outbox/intent_view.h"

#include "eventlog/runtime/text.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "proto/event.pb.h"

namespace intentlog {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// The bytes of a length-delimited field; false if they run past the end.
bool ReadView(std::string_view whole, CodedInputStream& in, std::string_view* view) {
  uint32_t size = 0;
  if (!in.ReadVarint32(&size)) return false;
  const size_t at = static_cast<size_t>(in.CurrentPosition());
  if (size > whole.size() - at) return false;
  *view = whole.substr(at, size);
  return in.Skip(static_cast<int>(size));
}

std::string_view* ViewOf(IntentView& view, int field) {
  switch (field) {
    case Intent::kIntentIdFieldNumber:
      return &view.intent_id;
    case Intent::kTypeFieldNumber:
      return &view.type;
    case Intent::kEntityTypeFieldNumber:
      return &view.entity_type;
    case Intent::kEntityIdFieldNumber:
      return &view.entity_id;
    case Intent::kScopeFieldNumber:
      return &view.scope;
    case Intent::kPayloadFieldNumber:
      return &view.payload;
    default:
      return nullptr;
  }
}

bool ReadField(std::string_view bytes, CodedInputStream& in, uint32_t tag, IntentView& view) {
  const int field = WireFormatLite::GetTagFieldNumber(tag);
  const auto wire = WireFormatLite::GetTagWireType(tag);
  if (wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
    std::string_view ignored;
    std::string_view* slot = ViewOf(view, field);
    return ReadView(bytes, in, slot != nullptr ? slot : &ignored);
  }
  if (wire == WireFormatLite::WIRETYPE_VARINT) {
    uint64_t value = 0;
    if (!in.ReadVarint64(&value)) return false;
    if (field == Intent::kDeviceTimeUsFieldNumber) {
      view.device_time_us = WireFormatLite::ZigZagDecode64(value);
    } else if (field == Intent::kBatchSizeFieldNumber) {
      view.batch_size = static_cast<uint32_t>(value);
    }
    return true;
  }
  return WireFormatLite::SkipField(&in, tag);
}

}  // namespace

bool IsControl(std::string_view type) {
  return type == Resolve::descriptor()->full_name() || type == Amend::descriptor()->full_name() ||
         type == Dismiss::descriptor()->full_name();
}

absl::Status ReadIntent(std::string_view intent_bytes, IntentView* view) {
  *view = IntentView();
  CodedInputStream in(reinterpret_cast<const uint8_t*>(intent_bytes.data()),
                      static_cast<int>(intent_bytes.size()));
  while (const uint32_t tag = in.ReadTag()) {
    if (!ReadField(intent_bytes, in, tag, *view)) return DataLoss("an intent does not parse");
  }
  if (!in.ConsumedEntireMessage()) return DataLoss("an intent does not parse");
  return absl::OkStatus();
}

bool SameDeed(const IntentView& a, const IntentView& b) {
  return a.type == b.type && a.entity_type == b.entity_type && a.entity_id == b.entity_id &&
         a.scope == b.scope && a.payload == b.payload;
}

}  // namespace intentlog
