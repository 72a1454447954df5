// A RawStream is one bidirectional gRPC stream of bytes on a connection of its own: a device as the
// server sees it, without what a device does behind it. So a load costs its machine little.
//
// Write is thread-safe. `on_message` and `on_end` are called by gRPC's threads, one at a time; the
// destructor cuts the stream and waits until neither runs any more.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace intentlog::bench {

inline constexpr char kDeviceSyncMethod[] = "/intentlog.DeviceSync/Connect";

// A message that holds a copy of `bytes`; copies of it share them.
grpc::ByteBuffer ToMessage(std::string_view bytes);

class RawStream {
 public:
  using OnMessage = std::function<void(std::string_view)>;
  using OnEnd = std::function<void(const absl::Status&)>;  // once, last

  // Connects at once. `method` as "/package.Service/Method".
  RawStream(const std::string& address, const std::string& method, OnMessage on_message,
            OnEnd on_end);
  ~RawStream();

  // Queues; the caller bounds how much.
  void Write(grpc::ByteBuffer message);

 private:
  class Call;
  const std::unique_ptr<Call> call_;
};

}  // namespace intentlog::bench
