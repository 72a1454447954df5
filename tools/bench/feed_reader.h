// A FeedReader receives the feed of every scope through one real gRPC stream, checks and counts its
// events, gives credit back as it reads, and keeps nothing. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace intentlog::bench {

// Seconds from the first byte sent until `events` events were received from the server.
absl::StatusOr<double> ReplayFromServer(const std::string& address, uint64_t events);

// The same from the raw server: `messages` messages, of which nothing is known but their bytes.
absl::StatusOr<double> ReplayRaw(const std::string& address, uint64_t messages);

}  // namespace intentlog::bench
