// A GrpcServer listens for devices (service DeviceSync), readers (service Reader) and operators
// (service Admin) and hands them to a Backend.
//
//   ASSIGN_OR_RETURN(auto grpc, GrpcServer::Start(*backend, {.listen = "127.0.0.1:0"}));
//   std::cout << grpc->address();
//   …
//   grpc->Stop();
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/wire/admin_service.h"
#include "server/wire/backend.h"
#include "server/wire/listener.h"
#include "server/wire/reader_service.h"
#include "server/wire/snapshot_service.h"
#include "server/wire/sync_service.h"

namespace intentlog {

struct GrpcServerOptions {
  // HOST:PORT; port 0: any free one. Only loopback addresses unless `insecure`: there is no TLS
  // yet.
  std::string listen = "127.0.0.1:7420";
  bool insecure = false;

  SyncServiceOptions sync;  // fewer streams, if the process may not have enough files open
  ReaderServiceOptions reader;
  AdminServiceOptions admin;
  ListenerOptions listener;

  // Largest message taken from a device: a frame, and what gRPC puts around it.
  size_t frame_bytes_max = (1 << 20) + (64 << 10);
  // A device needs one stream, a reader few. Small, because resetting streams costs the server more
  // than the peer.
  int streams_per_connection_max = 16;
  // Headers of one call; the default would let one connection burn seconds of CPU.
  int metadata_bytes_max = 8 << 10;
  // A connection that does not begin to speak HTTP/2 in this time is closed.
  absl::Duration handshake_timeout = absl::Seconds(10);
  // A silent connection is asked whether it lives, and given up without an answer.
  absl::Duration keepalive_interval = absl::Seconds(60);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  // Peers may ask at most this often.
  absl::Duration min_ping_interval = absl::Seconds(10);
  // Memory that gRPC may use for all connections before it takes less.
  size_t memory_bytes_max = 512 << 20;
};

// Thread-safe.
class GrpcServer {
 public:
  // `backend` must outlive the server. INVALID_ARGUMENT: no HOST:PORT, or not loopback.
  // UNAVAILABLE: the port is in use or the address is not this machine's; says which.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Backend& backend,
                                                           const GrpcServerOptions& options);
  ~GrpcServer();  // stops

  // The bound HOST:PORT.
  const std::string& address() const;
  size_t streams() const;
  // RESOURCE_EXHAUSTED while whoever connects has to wait: how many are connected, and what to do.
  absl::Status room() const;
  // Refuses what is new, lets streams that are closing end, cuts the rest after `limit`. The core
  // must still run. Blocks; harmless to repeat.
  void Stop(absl::Duration limit = absl::Seconds(5));

 private:
  struct Rep;
  explicit GrpcServer(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
