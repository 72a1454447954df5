// What makes two events equal, as a number. XXH3 (64 bits) over a form of the payload that is made
// field by field, whatever made the message: the same for generated code and for descriptors read
// at run time, in every build. Pure.
//
// Hashes are kept in the store: the form, drawn in content.cc, never changes.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "eventlog/schema/event_type.h"
#include "google/protobuf/message.h"

namespace intentlog {

// Of type and payload, less the fields marked volatile, here or in messages inside. Unknown fields
// count: what this program cannot read may differ. Never 0.
uint64_t ContentHash(const EventType& type, const google::protobuf::Message& payload);

// Of the contents of a batch's members, in order; of one alone: its own. Never 0.
// REQUIRES: not empty.
uint64_t BatchContent(absl::Span<const uint64_t> contents);

// What is looked up to find the first event with the same duplicate key: of type and key fields.
// Nothing if the type has no such key, or none of its fields is set in this payload. Never 0.
std::optional<uint64_t> DuplicateKeyHash(const EventType& type,
                                         const google::protobuf::Message& payload);

}  // namespace intentlog
