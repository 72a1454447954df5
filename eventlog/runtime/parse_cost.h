// What a serialized message takes in memory once it is parsed, before it is parsed: an empty
// message within another one is two bytes on the wire and up to some hundred in memory. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "google/protobuf/descriptor.h"

namespace intentlog {

// No message within claims to be longer than what is around it: in such a one, parsing would set
// aside up to 50 MB for a text that is not there (protobuf 3.21). Bytes that are no message for
// another reason may pass: parsing refuses them.
bool MessagesFit(const google::protobuf::Descriptor& type, std::string_view bytes);

// At most about 16 times its bytes and 1 MB, and its messages fit: what may be parsed, wherever it
// comes from. Messages within count as large as their own class is.
// REQUIRES: `type` is of generated code.
bool IsCheapToParse(const google::protobuf::Descriptor& type, std::string_view bytes);

}  // namespace intentlog
