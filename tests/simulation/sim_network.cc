#include "tests/simulation/sim_network.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/runtime/text.h"

namespace intentlog::simulation {

// One connection. The device's end is a Channel that borrows it, the server's end is its FrameSink.
// Lives until the device let go of it and every frame under way was delivered or lost.
class SimLink : public FrameSink, public std::enable_shared_from_this<SimLink> {
 public:
  SimLink(SimNetwork& network, std::string device, ChannelListener& listener)
      : network_(&network), device_(std::move(device)), listener_(&listener) {}

  // The device's first frame does not overtake this.
  void Open() {
    After(Ordered(up_delay_), [this] {
      if (cut_) return;
      if (Refused()) return Cut(Unavailable("simulated: connection refused"));
      AtServer([this] {
        if (!cut_ && network_->server_ != nullptr) server_end_ = network_->server_->Accept(*this);
      });
    });
  }

  // ---- the device's end
  void ToServer(std::string bytes) {
    if (cut_ || network_->IsSilent(device_)) return;
    up_unsent_ += bytes.size();
    const absl::Duration delay = Ordered(up_delay_);
    After(delay, [this, bytes = std::move(bytes)]() mutable {
      up_unsent_ -= bytes.size();
      if (!Survives()) return;
      AtServer([this, bytes = std::move(bytes)] {
        if (cut_ || server_end_ == nullptr) return;
        network_->Note(device_, kServerNode, bytes);
        server_end_->OnFrame(bytes);
      });
      AtDevice([this] {
        if (listener_ != nullptr && !cut_) listener_->OnWritable();
      });
    });
  }
  size_t up_unsent() const { return up_unsent_; }
  // A dead device lets go as well, and what it sent arrives all the same.
  void DeviceLetsGo() {
    if (std::exchange(listener_, nullptr) == nullptr || network_ == nullptr) return;
    const absl::Duration linger = network_->faults_.linger_max;
    After(linger > absl::ZeroDuration() ? network_->random_.Unit() * linger : Latency(),
          [this] { End(); });
  }

  // ---- the server's end
  void Send(SharedFrame frame) override {
    if (cut_ || closing_ || network_->IsSilent(kServerNode)) return;
    down_unsent_ += frame->size();
    const absl::Duration delay = Ordered(down_delay_);
    After(delay, [this, frame] {
      down_unsent_ -= frame->size();
      if (network_->mute_.count(device_) != 0) return Cut(Unavailable("simulated: reply lost"));
      if (!Survives()) return;
      AtDevice([this, frame] {
        if (cut_ || listener_ == nullptr) return;
        network_->Note(kServerNode, device_, *frame);
        listener_->OnFrame(*frame);
      });
      AtServer([this] {
        if (server_end_ != nullptr && !cut_) server_end_->OnWritable();
      });
    });
  }
  size_t unsent_bytes() const override { return down_unsent_; }
  void Close() override {
    closing_ = true;
    const absl::Duration delay = Ordered(down_delay_);
    After(delay, [this] { Cut(absl::OkStatus()); });
  }

  void Cut(const absl::Status& status) {
    if (cut_) return;
    End();
    ++network_->cuts_;
    AtDevice([this, status] {
      ChannelListener* const listener = std::exchange(listener_, nullptr);
      if (listener != nullptr) listener->OnClosed(status);
    });
  }
  bool half_open() const { return half_open_; }
  void ServerDied() { server_end_.reset(); }
  void NetworkGone() { network_ = nullptr, cut_ = true, server_end_.reset(); }

 private:
  // Runs `task` later, with this link alive and its network there.
  void After(absl::Duration delay, Task task) {
    if (network_ == nullptr) return;
    network_->executor_.PostAfter(delay,
                                  [self = shared_from_this(), task = std::move(task)]() mutable {
                                    if (self->network_ != nullptr) task();
                                  });
  }
  // As `task`, with this link alive, when the node can take it.
  void AtServer(Task task) { At(kServerNode, std::move(task)); }
  void AtDevice(Task task) { At(device_, std::move(task)); }
  void At(std::string_view node, Task task) {
    network_->Run(node, [self = shared_from_this(), task = std::move(task)]() mutable {
      if (self->network_ != nullptr) task();
    });
  }
  bool Refused() const {
    return network_->server_ == nullptr || network_->partitioned_.count(device_) != 0 ||
           network_->random_.Unit() < network_->faults_.refuse_connection;
  }
  absl::Duration Latency() const {
    const LinkFaults& faults = network_->faults_;
    return faults.latency_min +
           network_->random_.Unit() * (faults.latency_max - faults.latency_min);
  }
  // A delay that keeps the frames of one direction in order: it never falls during a connection.
  absl::Duration Ordered(absl::Duration& longest) const {
    longest = std::max(longest, Latency());
    return longest;
  }
  // False if the frame at hand, or the whole line, is lost.
  bool Survives() {
    if (cut_ || half_open_) return false;
    if (network_->random_.Unit() < network_->faults_.half_open) {
      half_open_ = true;
      return false;
    }
    if (network_->random_.Unit() < network_->faults_.cut_per_frame) {
      Cut(Unavailable("simulated: connection cut"));
      return false;
    }
    return true;
  }
  void End() {
    cut_ = true;
    AtServer([this] { server_end_.reset(); });
  }

  SimNetwork* network_;
  const std::string device_;
  ChannelListener* listener_;  // null: the device let go
  std::unique_ptr<ServerConnection> server_end_;
  bool cut_ = false;
  bool closing_ = false;
  bool half_open_ = false;
  size_t up_unsent_ = 0;
  size_t down_unsent_ = 0;
  absl::Duration up_delay_, down_delay_;
};

namespace {

class SimChannel final : public Channel {
 public:
  explicit SimChannel(std::shared_ptr<SimLink> link) : link_(std::move(link)) {}
  ~SimChannel() override { link_->DeviceLetsGo(); }
  void Send(std::string bytes) override { link_->ToServer(std::move(bytes)); }
  size_t unsent_bytes() const override { return link_->up_unsent(); }
  void Close() override { link_->DeviceLetsGo(); }

 private:
  std::shared_ptr<SimLink> link_;
};

}  // namespace

class SimConnector final : public Connector {
 public:
  SimConnector(SimNetwork& network, std::string device)
      : network_(network), device_(std::move(device)) {}
  std::unique_ptr<Channel> Connect(ChannelListener& listener) override {
    return network_.Connect(device_, listener);
  }

 private:
  SimNetwork& network_;
  const std::string device_;
};

SimNetwork::~SimNetwork() {
  for (const auto& [device, weak] : links_) {
    if (const auto link = weak.lock()) link->NetworkGone();
  }
}

void SimNetwork::Run(std::string_view node, Task task) {
  if (hooks_.run) return hooks_.run(node, std::move(task));
  task();
}

std::unique_ptr<Connector> SimNetwork::ConnectorOf(const std::string& device) {
  return std::make_unique<SimConnector>(*this, device);
}

std::unique_ptr<Channel> SimNetwork::Connect(const std::string& device, ChannelListener& listener) {
  std::erase_if(links_, [](const auto& entry) { return entry.second.expired(); });
  auto link = std::make_shared<SimLink>(*this, device, listener);
  links_.emplace(device, link);
  link->Open();
  return std::make_unique<SimChannel>(std::move(link));
}

void SimNetwork::Listen(Server* server) {
  server_ = server;
  const auto links = std::exchange(links_, {});
  for (const auto& [device, weak] : links) {
    const auto link = weak.lock();
    if (link == nullptr) continue;
    link->ServerDied();
    link->Cut(Unavailable("simulated: server gone"));
  }
}

void SimNetwork::Partition(const std::string& device) {
  partitioned_.insert(device);
  Cut(device);
}

void SimNetwork::Heal() {
  faults_ = LinkFaults();
  partitioned_.clear();
  mute_.clear();
  const auto links = links_;
  for (const auto& [device, weak] : links) {
    const auto link = weak.lock();
    if (link != nullptr && link->half_open()) link->Cut(Unavailable("simulated: cut at last"));
  }
}

void SimNetwork::Cut(const std::string& device) {
  const auto [begin, end] = links_.equal_range(device);
  std::vector<std::shared_ptr<SimLink>> links;
  for (auto it = begin; it != end; ++it) {
    if (auto link = it->second.lock()) links.push_back(std::move(link));
  }
  for (const auto& link : links) link->Cut(Unavailable("simulated: connection cut"));
}

}  // namespace intentlog::simulation
