// Where projections keep what they know in a Store. Pure.
//
//   kRows   build (4) · scope · NUL · row key              → serialized row
//   kMeta   "view" NUL name NUL version (4)                → ProjectionBuild
//           "alias" NUL name                               → ViewRecord: the build that readers
//                                                            see, and those beside it
//           "check" build (4) · scope                      → Checkpoint
//           "park" build (4) · scope · NUL · size of the row key (4) · row key · position (8)
//                                                          → ParkedEvent: the event waits; empty
//                                                            but for the first, which failed
//           "drop" build (4)                               → empty: its rows are being removed
//           "load" build (4)                               → empty: rows of a snapshot are being
//                                                            put into it
//           "builds"                                       → greatest build given out (4)
//           "term"                                         → of who may write (8); absent: anybody
//
// Numbers are big-endian. A scope never contains NUL; a row key may contain anything. A build is
// the key space of one (name, version); builds grow and none is used twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace intentlog {

using BuildId = uint32_t;

// INVALID_ARGUMENT if `scope` is empty or contains NUL.
absl::Status CheckScope(std::string_view scope);

std::string RowPrefix(BuildId build, std::string_view scope);
std::string ViewKey(std::string_view name, uint32_t version);
std::string AliasKey(std::string_view name);
std::string CheckpointPrefix(BuildId build);
std::string CheckpointKey(BuildId build, std::string_view scope);
std::string ParkedPrefix(BuildId build);
std::string ParkedPrefix(BuildId build, std::string_view scope);
inline constexpr std::string_view kBuildsKey = "builds";
inline constexpr std::string_view kTermKey = "term";

std::string BuildBytes(BuildId build);
// False unless `bytes` are 4.
bool ParseBuild(std::string_view bytes, BuildId* build);

// `key` as text for an error message, in quotes; what does not print is escaped.
std::string Quoted(std::string_view key);

}  // namespace intentlog
