// A FrameSink takes frames for one connected device. The transport is behind it (server/wire: gRPC;
// tests: simulated).
//
// Called on the server core's executor only. After Close nothing more is sent. Its methods must not
// call back into the connection; they post.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace intentlog {

// Serialized once, shared by every sink that sends it.
using SharedFrame = std::shared_ptr<const std::string>;

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void Send(SharedFrame frame) = 0;
  // Bytes given to Send that the transport has not taken yet.
  virtual size_t unsent_bytes() const = 0;
  // Less input is without an answer than before: a transport that stopped reading looks again.
  virtual void InputProcessed() {}
  // Ends the connection after what was sent.
  virtual void Close() = 0;
};

}  // namespace intentlog
