// What may not change between the versions of an event type. Pure.
#pragma once

#include "absl/status/status.h"
#include "eventlog/schema/event_type.h"
#include "google/protobuf/descriptor.h"

namespace intentlog {

// The key and the fields of the duplicate key have the name, number and type in `former` that they
// have today: by these, events of all versions are of one entity, or repeat each other.
// INVALID_ARGUMENT names message and field.
absl::Status CheckFormer(const EventType& type, const google::protobuf::Descriptor& former);

}  // namespace intentlog
