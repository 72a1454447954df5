// A MadeEvent is an Event made from a payload, without a log: for tests of projections.
//
//   EXPECT_OK(projection.Apply(MadeEvent(7, "shop", line).event(), key, row));
#pragma once

#include <memory>
#include <string>

#include "eventlog/log/event.h"
#include "eventlog/schema/schema.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"

namespace intentlog {

// The compiled commerce events. Made once; lives as long as the process.
std::shared_ptr<const Schema> CommerceSchema();

// Immutable, not copyable.
class MadeEvent {
 public:
  // `payload` is of a type in CommerceSchema, otherwise the event's type is unknown here.
  MadeEvent(uint64_t position, std::string scope, const google::protobuf::Message& payload,
            bool effective = true);
  MadeEvent(const MadeEvent&) = delete;
  MadeEvent& operator=(const MadeEvent&) = delete;

  const Event& event() const { return event_; }
  // The bytes that a device would have recorded.
  std::string IntentBytes() const { return intent_bytes_; }

 private:
  const std::string scope_;
  const std::unique_ptr<google::protobuf::Message> payload_;
  std::string header_bytes_, intent_bytes_;
  LazyEnvelope envelope_;
  Event event_;
};

}  // namespace intentlog
