// Payloads as JSON text, in protobuf's own mapping with the names of the schema: 64-bit integers
// are written as strings and read as strings or numbers. Pure functions.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "eventlog/schema/schema.h"
#include "google/protobuf/message.h"

namespace intentlog {

// INVALID_ARGUMENT names the type and, where there is one, the field: unknown fields, values of
// another type and text that is no JSON are refused. Rules are not checked; see
// EventType::Validate.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> PayloadFromJson(const EventType& type,
                                                                           std::string_view json);

// One line; fields that are not set are left out. Equal payloads give equal text.
absl::StatusOr<std::string> PayloadToJson(const google::protobuf::Message& payload);

}  // namespace intentlog
