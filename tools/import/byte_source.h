// A ByteSource is a file as a stream of bytes: plain, or packed as .xz, .gz or .zst, which its
// first bytes tell and not its name. Several packed streams one after another are one stream.
//
// Memory is bounded: two buffers of 64 KiB and what the format's own dictionary takes (for xz at
// most unpack_memory_max). Thread-compatible.
//
//   ASSIGN_OR_RETURN(auto source, ByteSource::Open("orders.csv.xz"));
//   for (;;) {
//     ASSIGN_OR_RETURN(std::string_view bytes, source->Next());
//     if (bytes.empty()) break;
//     …
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace intentlog {

struct ByteSourceOptions {
  // Read and unpacked at a time. Larger gains nothing, smaller costs calls.
  size_t buffer_bytes = 64 << 10;
  // What unpacking may take: xz -9 needs 65 MB, zstd --ultra 128 MB. More is refused by name.
  size_t unpack_memory_max = 192 << 20;
  // False: the bytes as they lie in the file.
  bool unpack = true;
};

class ByteSource {
 public:
  // NOT_FOUND, INVALID_ARGUMENT (a folder), UNAVAILABLE (cannot be read): each names the file.
  static absl::StatusOr<std::unique_ptr<ByteSource>> Open(const std::string& path,
                                                          const ByteSourceOptions& options = {});
  virtual ~ByteSource() = default;

  // The next bytes, valid until the next call; empty at the end, and only there. DATA_LOSS names
  // the file and the offset in it where it is damaged or ends too early.
  virtual absl::StatusOr<std::string_view> Next() = 0;

  virtual const std::string& path() const = 0;
  // Of the file itself, packed or not: how far reading has come, and how far it goes.
  virtual uint64_t file_offset() const = 0;
  virtual uint64_t file_size() const = 0;
};

// From bytes in memory, handed out in pieces of `piece` bytes. For tests and small inputs.
std::unique_ptr<ByteSource> SourceFromMemory(std::string path, std::string bytes,
                                             size_t piece = 64 << 10);

}  // namespace intentlog
