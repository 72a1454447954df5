// A SimNetwork joins simulated devices and a simulated server: connections of whole frames, in
// order, that may be slow, lose what is under way, repeat it on a second connection, or be cut at
// any frame.
//
// One thread: everything happens on the world's executor, in simulated time. Faults are drawn from
// the world's random numbers, so a seed repeats them.
//
//   network.SetFaults({.cut_per_frame = 0.02});
//   network.Partition("till-1");        // cuts it and refuses new connections
//   network.DropReplies("till-1");      // what the server answers vanishes, then the line is cut
//   network.Heal();
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "client/sync/channel.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"
#include "server/server.h"

namespace intentlog::simulation {

struct LinkFaults {
  double cut_per_frame = 0;      // chance that the line is cut instead of delivering a frame
  double refuse_connection = 0;  // chance that a connection attempt fails
  double half_open = 0;          // per frame: from now on nothing arrives, and nobody is told
  absl::Duration latency_min = absl::Milliseconds(1);
  absl::Duration latency_max = absl::Milliseconds(5);
};

class SimLink;

class SimNetwork {
 public:
  // Both must outlive the network.
  SimNetwork(Executor& executor, Random& random) : executor_(executor), random_(random) {}
  ~SimNetwork();

  // How `device` reaches the server; the network must outlive it.
  std::unique_ptr<Connector> ConnectorOf(const std::string& device);

  // Who listens; null: nobody. Existing connections are cut, without a word to the old server's end
  // beyond the destruction of its ServerConnections.
  void Listen(Server* server);

  void SetFaults(const LinkFaults& faults) { faults_ = faults; }
  void Partition(const std::string& device);
  void DropReplies(const std::string& device) { mute_.insert(device); }
  // Ends partitions, faults and dropped replies. Connections that vanished half-way are cut.
  void Heal();
  // Cuts every connection of `device`.
  void Cut(const std::string& device);

  uint64_t frames_delivered() const { return frames_delivered_; }
  uint64_t cuts() const { return cuts_; }

 private:
  friend class SimLink;
  friend class SimConnector;
  std::unique_ptr<Channel> Connect(const std::string& device, ChannelListener& listener);

  Executor& executor_;
  Random& random_;
  Server* server_ = nullptr;
  LinkFaults faults_;
  std::set<std::string> partitioned_;
  std::set<std::string> mute_;
  std::multimap<std::string, std::weak_ptr<SimLink>> links_;
  uint64_t frames_delivered_ = 0;
  uint64_t cuts_ = 0;
};

}  // namespace intentlog::simulation
