// LoadStreams are bidirectional gRPC streams, each on a connection of its own, as cheap as a load
// can be: HTTP/2 and gRPC's framing by hand, one thread for all, one system call for a message each
// way. The machine's cores belong to the server that is measured.
//
// Plaintext, IPv4. Understands what a gRPC server sends: reads no header fields, so of a stream
// that the server ends it knows only that.
//
// Thread-safe. Callbacks run on the one thread, which the destructor ends before it cuts all
// streams.
//
//   LoadStreams streams;
//   ASSIGN_OR_RETURN(auto* stream, streams.Connect(address, kDeviceSyncMethod, take, ended));
//   stream->Write(LoadStreams::Framed(bytes));
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog::bench {

class LoadStreams {
 public:
  using OnMessage = std::function<void(std::string_view)>;
  using OnEnd = std::function<void(const absl::Status&)>;  // once, last; not if the owner cuts it

  class Stream {
   public:
    virtual ~Stream() = default;
    // Sends what Framed gave, or queues what the server does not take yet: the caller bounds that.
    virtual void Write(std::string framed) = 0;
  };

  LoadStreams();
  ~LoadStreams();

  // `address` as "127.0.0.1:7420", `method` as "/package.Service/Method". Valid as long as this; a
  // stream that ended holds no descriptor.
  absl::StatusOr<Stream*> Connect(const std::string& address, const std::string& method,
                                  OnMessage on_message, OnEnd on_end);
  // A message as it goes over the wire, made before the clock runs.
  static std::string Framed(std::string_view message);

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog::bench
