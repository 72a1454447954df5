// A LoopbackConnector is a network in memory: what a device sends waits for a test to take it, what
// a test sends reaches the device by a task. For tests.
//
// Thread-compatible; the executor runs on the test's thread.
//
//   LoopbackConnector network(executor);
//   client->StartSync(network);
//   executor.RunUntilIdle();
//   EXPECT_TRUE(network.Take()[0].has_hello());
//   network.Send(welcome);
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/sync/channel.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/executor.h"
#include "proto/sync.pb.h"

namespace intentlog {

class LoopbackConnector final : public Connector {
 public:
  explicit LoopbackConnector(Executor& executor) : executor_(executor) {}

  std::unique_ptr<Channel> Connect(ChannelListener& listener) override {
    ++connections_;
    link_ = std::make_shared<Link>();
    link_->listener = &listener;
    if (refusing_) CloseWith(absl::UnavailableError("connection refused"));
    return std::make_unique<LoopbackChannel>(*this, link_);
  }

  // ---- the server's end of the newest connection
  bool connected() const { return link_ != nullptr && link_->listener != nullptr; }
  int connections() const { return connections_; }
  // New connections end at once from now on.
  void Refuse(bool refusing) { refusing_ = refusing; }
  void Send(const ServerFrame& frame) { SendBytes(frame.SerializeAsString()); }
  void SendBytes(std::string bytes) {
    executor_.Post([link = link_, bytes = std::move(bytes)]() mutable {
      if (link->listener != nullptr) link->listener->OnFrame(std::move(bytes));
    });
  }
  void CloseWith(const absl::Status& status) {
    executor_.Post([link = link_, status] {
      if (link->listener != nullptr) std::exchange(link->listener, nullptr)->OnClosed(status);
    });
  }
  // What devices sent since the last Take, unless OnFrame takes it.
  std::vector<DeviceFrame> Take() { return std::exchange(frames_, {}); }
  // Called by a task for each frame instead.
  void OnFrame(std::function<void(const DeviceFrame&)> handler) { handler_ = std::move(handler); }

 private:
  struct Link {
    ChannelListener* listener = nullptr;  // null: closed
  };
  class LoopbackChannel final : public Channel {
   public:
    LoopbackChannel(LoopbackConnector& network, std::shared_ptr<Link> link)
        : network_(network), link_(std::move(link)) {}
    ~LoopbackChannel() override { link_->listener = nullptr; }
    void Send(std::string bytes) override { network_.Sent(link_, bytes); }
    size_t unsent_bytes() const override { return 0; }
    void Close() override { link_->listener = nullptr; }

   private:
    LoopbackConnector& network_;
    const std::shared_ptr<Link> link_;
  };

  void Sent(const std::shared_ptr<Link>& link, const std::string& bytes) {
    DeviceFrame frame;
    INTENTLOG_CHECK(frame.ParseFromString(bytes));
    if (handler_ == nullptr) return frames_.push_back(std::move(frame));
    executor_.Post([this, link, frame = std::move(frame)] {
      if (link == link_ && link->listener != nullptr) handler_(frame);
    });
  }

  Executor& executor_;
  std::shared_ptr<Link> link_;
  std::vector<DeviceFrame> frames_;
  std::function<void(const DeviceFrame&)> handler_;
  int connections_ = 0;
  bool refusing_ = false;
};

}  // namespace intentlog
