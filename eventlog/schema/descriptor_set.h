// From the bytes of a google.protobuf.FileDescriptorSet to descriptors and back. The bytes may come
// from anyone: they are limited, and what is wrong with them is said.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"

namespace intentlog {

// So that a bad file cannot take the memory or the stack. An application's own set is a few ten
// thousand bytes.
inline constexpr size_t kDescriptorSetSizeMax = 4 << 20;
inline constexpr int kDescriptorSetFilesMax = 500;
inline constexpr int kDescriptorSetMessagesMax = 5000;  // each may hold the next

// The files and all that they import: imports first, each once.
std::vector<const google::protobuf::FileDescriptor*> WithImports(
    const std::vector<const google::protobuf::FileDescriptor*>& files);

// Builds every file of the set in `pool`, which is empty. Files that the set imports and lacks are
// taken from this program if they are protobuf's own or rules.proto.
// INVALID_ARGUMENT names file and declaration of what is wrong.
absl::StatusOr<std::vector<const google::protobuf::FileDescriptor*>> BuildFiles(
    std::string_view bytes, google::protobuf::DescriptorPool& pool);

// The bytes of a set with these files and their imports.
std::string SerializeFiles(const std::vector<const google::protobuf::FileDescriptor*>& files);

}  // namespace intentlog
