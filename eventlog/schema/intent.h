// Building and checking the envelope of an intent. The same checks run on the device, before an
// intent becomes durable, and on the server, before it is decided. Pure functions.
//
//   Intent intent = MakeIntent(*type, payload, {.intent_id = ids.Make(), .scope = "shop-3", …});
//   if (auto violation = CheckEnvelope(intent)) return ToStatus(*violation);
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "eventlog/runtime/ids.h"
#include "eventlog/schema/entity.h"
#include "eventlog/schema/schema.h"
#include "eventlog/schema/violation.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"

namespace intentlog {

// Limits. A batch is decided in one step and written at once, so it must stay small enough that
// nobody waits for it; a single payload may fill one.
inline constexpr uint32_t kBatchIntentsMax = 2048;
inline constexpr size_t kBatchSizeMax = 512 << 10;    // bytes of serialized intents
inline constexpr size_t kPayloadSizeMax = 500 << 10;  // leaves room for the longest envelope
inline constexpr size_t kTypeNameSizeMax = 300;       // a package and a message name

// What an envelope says besides the payload.
struct Envelope {
  IntentId intent_id;
  std::string_view scope;
  EpochId based_on_epoch;  // nil: the device has not met a server
  Position based_on_position;
  int64_t device_time_us = 0;
  uint64_t hlc = 0;
  uint32_t batch_size = 0;  // on the first of a batch of 2 or more
  uint32_t clock_steps = 0;
};

// Entity type and id come from the payload, which is of type `type`. Equal payloads give equal
// bytes.
Intent MakeIntent(const EventType& type, const google::protobuf::Message& payload,
                  const Envelope& envelope);
// The same into `intent`, whose memory is reused.
void FillIntent(const EventType& type, const google::protobuf::Message& payload,
                const Envelope& envelope, Intent& intent);

// Sizes, names and ids; nothing that a schema is needed for. MALFORMED, with the envelope's field.
std::optional<Violation> CheckEnvelope(const Intent& intent);

// What the schema says: the payload parses (into `payload`, which is reused, in today's form), it
// holds the rules of its version, and it is about the envelope's entity. REQUIRES: intent.type() ==
// type.name(), CheckEnvelope is fine.
std::optional<Violation> CheckPayload(const EventType& type, const Intent& intent,
                                      google::protobuf::Message& payload);

}  // namespace intentlog
