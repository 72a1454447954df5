// The bare gRPC callback server that `serve` is measured beside: no log, no session, no limits,
// just streams of bytes.
//
//   /bench.Raw/Idle      answers the first message with as many bytes, then stays silent
//   /bench.Raw/Messages  sends every message of a file, one after another, after the first message
//   /bench.Raw/Echo      answers each message with 48 bytes
//   /bench.Raw/Commit    the same, after a synced put into plain RocksDB; what waits shares a sync
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace intentlog::bench {

inline constexpr char kRawIdleMethod[] = "/bench.Raw/Idle";
inline constexpr char kRawMessagesMethod[] = "/bench.Raw/Messages";
inline constexpr char kRawEchoMethod[] = "/bench.Raw/Echo";
inline constexpr char kRawCommitMethod[] = "/bench.Raw/Commit";

// Each message behind its length in 4 bytes, as this machine has them.
absl::Status WriteMessages(const std::string& file, const std::vector<std::string>& messages);

// Serves on a free port of loopback, prints its address on stdout, and goes on until SIGTERM.
// `messages_file` and `commit_dir` may be empty: then it has no such method.
absl::Status RunRawServer(const std::string& messages_file, const std::string& commit_dir);

}  // namespace intentlog::bench
