// The bare gRPC callback server that `serve` is measured beside: no log, no session, no limits,
// just streams of bytes.
//
//   /bench.Raw/Idle      answers the first message with as many bytes, then stays silent
//   /bench.Raw/Messages  sends every message of a file, one after another, after the first message
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace intentlog::bench {

inline constexpr char kRawIdleMethod[] = "/bench.Raw/Idle";
inline constexpr char kRawMessagesMethod[] = "/bench.Raw/Messages";

// Each message behind its length in 4 bytes, as this machine has them.
absl::Status WriteMessages(const std::string& file, const std::vector<std::string>& messages);

// Serves on a free port of loopback, prints its address on stdout, and goes on until SIGTERM.
// `messages_file` may be empty.
absl::Status RunRawServer(const std::string& messages_file);

}  // namespace intentlog::bench
