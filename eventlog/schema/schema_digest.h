// The digest of a set of message types: equal if they, and all that their fields hold, are declared
// alike, options included. Names of files, comments and imports play no part. Pure.
#pragma once

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace intentlog {

// SHA-256, 32 bytes.
std::string SchemaDigest(const std::vector<const google::protobuf::Descriptor*>& messages);

}  // namespace intentlog
