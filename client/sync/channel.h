// A Channel carries whole frames, in order, between this device and a server: one connection, used
// once. The transport is below it (client/wire: gRPC; tests: simulated) and knows nothing of
// frames.
//
// Thread rule: Send and Close are called on the owner's executor; the transport calls the listener
// by posting to that executor, so a listener needs no lock.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"

namespace intentlog {

class ChannelListener {
 public:
  virtual ~ChannelListener() = default;
  // A frame's bytes, not yet trusted.
  virtual void OnFrame(std::string bytes) = 0;
  // The last frame given to Send before the transport took it was taken: more may be sent.
  virtual void OnWritable() = 0;
  // Called once, last. OK: the other side ended it in good order.
  virtual void OnClosed(const absl::Status& status) = 0;
};

class Channel {
 public:
  virtual ~Channel() = default;  // closes; the listener hears nothing more
  virtual void Send(std::string bytes) = 0;
  // Bytes given to Send that the transport has not taken yet.
  virtual size_t unsent_bytes() const = 0;
  virtual void Close() = 0;
};

class Connector {
 public:
  virtual ~Connector() = default;
  // Never fails at once: what fails is told to OnClosed. `listener` must outlive the channel.
  virtual std::unique_ptr<Channel> Connect(ChannelListener& listener) = 0;
};

}  // namespace intentlog
