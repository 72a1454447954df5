// A GrpcConnector gives a device its Channel to a server: one raw gRPC stream on a connection of
// its own for each Connect.
//
// Thread rule: as Connector and Channel say. gRPC's threads only post to `executor`; a channel may
// be destroyed at any moment, after which its listener and the executor are not touched.
//
//   GrpcConnector connector({.address = "127.0.0.1:7420"}, *runtime.executor);
//   client->StartSync(connector);
#pragma once

#include <memory>

#include "client/sync/channel.h"
#include "client/wire/channel_settings.h"
#include "eventlog/runtime/executor.h"

namespace intentlog {

class GrpcConnector final : public Connector {
 public:
  // `executor` is the client's; it must outlive the channels.
  GrpcConnector(const WireOptions& options, Executor& executor);
  // Waits until gRPC has let go of every call. REQUIRES: every channel was destroyed.
  ~GrpcConnector() override;

  std::unique_ptr<Channel> Connect(ChannelListener& listener) override;

 private:
  struct Calls;
  const WireOptions options_;
  Executor& executor_;
  const std::shared_ptr<Calls> calls_;
};

}  // namespace intentlog
