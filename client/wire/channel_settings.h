// How this side connects: the settings of every gRPC channel of devices and tools.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace intentlog {

struct WireOptions {
  // HOST:PORT.
  std::string address;
  // Largest message taken from the server: a feed frame is 256 KiB, a frame never above 1 MiB.
  size_t frame_bytes_max = 4 << 20;
  // Taken from the socket at once. gRPC would take up to 4 MiB, and hold it until all of it is
  // used.
  size_t socket_read_bytes_max = 64 << 10;
  // A connection on which nothing came for so long is asked whether it lives. The server refuses to
  // be asked more often than every 10 s.
  absl::Duration keepalive_interval = absl::Seconds(30);
  // No answer to that for so long: the connection is given up.
  absl::Duration keepalive_timeout = absl::Seconds(15);
  // Received, not yet processed: reading stops above it. Credit bounds what an honest server sends.
  size_t read_ahead_bytes_max = 4 << 20;
};

// INVALID_ARGUMENT says what HOST:PORT lacks.
absl::Status CheckAddress(const std::string& address);

// A connection of its own, that tries at once: no back-off of an earlier one delays it.
std::shared_ptr<grpc::Channel> MakeChannel(const WireOptions& options);

}  // namespace intentlog
