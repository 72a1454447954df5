// A CountingConnector is another one that counts what comes through it from the server. Any number
// of channels. Thread rule: as Connector; the counts from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "client/sync/channel.h"

namespace intentlog::bench {

class CountingConnector final : public Connector {
 public:
  // `under` must outlive this, and this its channels.
  explicit CountingConnector(Connector& under) : under_(under) {}

  std::unique_ptr<Channel> Connect(ChannelListener& listener) override;

  // Of whole frames.
  uint64_t bytes() const { return bytes_; }
  uint64_t snapshots() const { return snapshots_; }

 private:
  class Counted;
  Connector& under_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> snapshots_{0};
};

}  // namespace intentlog::bench
