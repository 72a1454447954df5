// A SimNetwork joins simulated devices and a simulated server: connections of whole frames, in
// order, that may be slow, lose what is under way, repeat it on a second connection, or be cut at
// any frame.
//
// One thread: everything happens on the world's executor, in simulated time. Faults are drawn from
// the world's random numbers, so a seed repeats them.
//
// A node that stands still takes no frame before it goes on; one that is dying sends none.
//
//   network.SetFaults({.cut_per_frame = 0.02});
//   network.Partition("till-1");        // cuts it and refuses new connections
//   network.DropReplies("till-1");      // what the server answers vanishes, then the line is cut
//   network.Heal();
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

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
  // When a device lets go of a connection, the server hears of it up to so much later, and what is
  // under way arrives meanwhile: beside what the device sends on its next connection.
  absl::Duration linger_max = absl::ZeroDuration();
};

// How the network asks the nodes; the server's name is kServerNode.
inline constexpr std::string_view kServerNode = "server";
struct NodeHooks {
  // Runs what arrives at `node` there, when it can.
  std::function<void(std::string_view node, Task task)> run;
  // Whether what `node` sends never leaves it.
  std::function<bool(std::string_view node)> is_silent;
  // A frame is taken by `node`.
  std::function<void(std::string_view from, std::string_view to, std::string_view bytes)> on_frame;
};

class SimLink;

class SimNetwork {
 public:
  // Both must outlive the network.
  SimNetwork(Executor& executor, Random& random) : executor_(executor), random_(random) {}
  ~SimNetwork();

  // Before anything else; without them nodes take what arrives at once.
  void SetHooks(NodeHooks hooks) { hooks_ = std::move(hooks); }

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

  void Run(std::string_view node, Task task);
  bool IsSilent(std::string_view node) const { return hooks_.is_silent && hooks_.is_silent(node); }
  void Note(std::string_view from, std::string_view to, std::string_view bytes) {
    ++frames_delivered_;
    if (hooks_.on_frame) hooks_.on_frame(from, to, bytes);
  }

  Executor& executor_;
  Random& random_;
  NodeHooks hooks_;
  Server* server_ = nullptr;
  LinkFaults faults_;
  std::set<std::string> partitioned_;
  std::set<std::string> mute_;
  std::multimap<std::string, std::weak_ptr<SimLink>> links_;
  uint64_t frames_delivered_ = 0;
  uint64_t cuts_ = 0;
};

}  // namespace intentlog::simulation
