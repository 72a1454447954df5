// Where things lie in a snapshot file (FORMAT.md), for its reader and its writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace intentlog {

// A file begins with the first and ends with the second.
inline constexpr std::string_view kSnapshotBegin = "ILSNAP\x01\n";
inline constexpr std::string_view kSnapshotEnd = "ILSEND\x01\n";
// After the info: its size and its checksum, 8 bytes each, and the end.
inline constexpr size_t kSnapshotTailBytes = 24;

inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
// A file that is being written; one that stays behind is of no use.
inline constexpr std::string_view kSnapshotUnfinished = ".snapshot.tmp";

// Of the info's bytes and their size.
uint64_t SnapshotInfoChecksum(std::string_view info);

}  // namespace intentlog
