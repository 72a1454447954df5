// Whether the rules of one message or field make sense by themselves. Pure functions.
// Rules between two event types are checked where all types are known, by Schema.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"
#include "proto/rules.pb.h"

namespace intentlog {

// INVALID_ARGUMENT: "shop.proto: message shop.Sold, field price: max_len is for strings, …".
absl::Status CheckEventRules(const google::protobuf::Descriptor& message, const EventRules& rules);
// `is_event`: the message has event rules as well.
absl::Status CheckFormerVersion(const google::protobuf::Descriptor& message,
                                const FormerVersion& former, bool is_event);
// `of_event`: the message that has the field is an event or was one, and not inside of one.
absl::Status CheckFieldRules(const google::protobuf::FieldDescriptor& field,
                             const FieldRules& rules, bool of_event);

// "shop.proto: message shop.Sold", and with ", field price".
std::string PlaceOf(const google::protobuf::Descriptor& message);
std::string PlaceOf(const google::protobuf::FieldDescriptor& field);

// An integer of any width. The text of an entity's id can be read from it, and it can have bounds.
bool IsInteger(const google::protobuf::FieldDescriptor& field);

}  // namespace intentlog
