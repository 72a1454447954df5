// An Event is one decided intent, decoded for folding. An EventDecoder reuses its messages, because
// parsing into a used message is twice as fast as into a new one: an Event is valid until the
// decoder's next call, and needs the bytes that it was decoded from. Thread-compatible: one decoder
// per thread; an Event may be read by several.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>

#include "absl/status/statusor.h"
#include "eventlog/log/block.h"
#include "eventlog/log/decision.h"
#include "eventlog/log/lazy_envelope.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/former_versions.h"
#include "eventlog/schema/schema.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"

namespace intentlog {

struct Event {
  Position position;  // 0: pending on this device, not ordered yet
  std::string_view scope;
  const LazyEnvelope* envelope = nullptr;
  const Header& header() const { return envelope->header(); }
  const Intent& intent() const { return envelope->intent(); }  // as recorded
  bool effective = false;                                      // projections fold it
  // The type and payload that take effect: those of the settlement for a settlement, with the
  // fields that lost cleared. Whatever version it was recorded in, it has today's form. Null if
  // there is nothing to fold: not effective, every field lost, or the type, or this version of it,
  // is unknown here.
  const EventType* type = nullptr;
  const google::protobuf::Message* payload = nullptr;
  size_t payload_bytes = 0;  // serialized, as recorded
  // Of an event that closes an open one or turns it; null for any other.
  const Settlement* settlement = nullptr;
  // Of an event that decides about parked rows of this scope; null for any other.
  const Unpark* unpark = nullptr;

  // The payload as T, or null if it is of another type:
  //   if (const auto* line = event.As<OrderLineAdded>()) …
  // Compares classes, not descriptors, because projections ask many times for each event.
  template <class T>
  const T* As() const {
    if (type == nullptr) return nullptr;
    const google::protobuf::Message& message = *payload;
    return typeid(message) == typeid(T) ? static_cast<const T*>(&message) : nullptr;
  }
};

class EventDecoder {
 public:
  explicit EventDecoder(std::shared_ptr<const Schema> schema);
  ~EventDecoder();

  // DATA_LOSS with the position if header, intent, settlement or payload do not parse.
  // FAILED_PRECONDITION with position, type and version if an upcaster failed: the record is sound.
  absl::StatusOr<const Event*> Decode(const EventRef& ref);
  // A pending intent of this device, as if the server had accepted it at the next moment. The event
  // needs `intent_bytes` as long as it lives.
  absl::StatusOr<const Event*> DecodePending(std::string_view intent_bytes);

 private:
  // A type of the schema and the payload that is parsed into, again and again.
  struct Slot {
    const EventType* type = nullptr;
    uint32_t version = 0;  // of `type`
    std::unique_ptr<google::protobuf::Message> payload;
  };
  // What takes effect, wherever it stands.
  struct Content {
    Decision decision = DECISION_UNSPECIFIED;
    std::string_view type;
    std::string_view payload;
    uint32_t version = 0;     // of the payload
    LostFields without = {};  // version 0: as the payload's
    bool without_all = false;
  };

  absl::Status FillSettlement();
  absl::Status Fill(Content content);
  // Brings what is of another version into today's form. False if that is not known here.
  absl::StatusOr<bool> ToToday(const EventType& type, Content& content);
  // Of a type that no schema has.
  absl::Status FillUnknown(const Content& content);
  Slot* Find(std::string_view type_name);

  const std::shared_ptr<const Schema> schema_;
  LazyEnvelope envelope_;
  Settlement settlement_;
  Unpark unpark_;
  Event event_;
  std::string upcast_;                              // reused
  std::map<std::string, Slot, std::less<>> slots_;  // by the name in the intent; of known types
  Slot* last_ = nullptr;                            // neighbours are often of one type
};

}  // namespace intentlog
