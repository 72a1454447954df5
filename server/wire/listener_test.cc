#include "server/wire/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds kPatience(30);

// Connections as they were taken; closed when destroyed.
class Taken {
 public:
  ~Taken() {
    while (size() > 0) CloseOne();
  }
  void Add(int fd) {
    const std::lock_guard<std::mutex> lock(mutex_);
    fds_.push_back(fd);
    changed_.notify_all();
  }
  void CloseOne() {
    const std::lock_guard<std::mutex> lock(mutex_);
    close(fds_.back());
    fds_.pop_back();
  }
  size_t size() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return fds_.size();
  }
  bool WaitFor(size_t size) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return fds_.size() >= size; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> fds_;
};

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() { options_.look_interval = absl::Milliseconds(5); }
  ~ListenerTest() override {
    if (listener_ != nullptr) listener_->Stop();
    for (const int fd : clients_) close(fd);
  }

  void Start() {
    auto listener = Listener::Open("127.0.0.1", "0", options_);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    ASSERT_GT(listener_->port(), 0);
    listener_->Start([this](int, int fd) { taken_.Add(fd); });
  }
  void Connect() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_GE(fd, 0);
    clients_.push_back(fd);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(listener_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  // Until the listener has found itself without room again.
  void AwaitFullLook() {
    const uint64_t before = listener_->full_looks();
    while (listener_->full_looks() < before + 2) sched_yield();
  }

  ListenerOptions options_;
  Taken taken_;
  std::unique_ptr<Listener> listener_;
  std::vector<int> clients_;
};

TEST_F(ListenerTest, WhatIsOverTheCapWaitsUntilOthersHaveEnded) {
  options_.connections_max = 3;
  Start();
  for (int i = 0; i < 5; ++i) Connect();
  ASSERT_TRUE(taken_.WaitFor(3));
  AwaitFullLook();
  EXPECT_EQ(taken_.size(), 3u);
  EXPECT_EQ(listener_->connections(), 3u);
  EXPECT_TRUE(listener_->full());
  taken_.CloseOne();
  ASSERT_TRUE(taken_.WaitFor(3));
  taken_.CloseOne();
  taken_.CloseOne();
  ASSERT_TRUE(taken_.WaitFor(2));
  while (listener_->full()) sched_yield();
  Connect();
  ASSERT_TRUE(taken_.WaitFor(3));
}

TEST_F(ListenerTest, AfterDescriptorsRanOutItAcceptsAgain) {
  for (const size_t reserved : {0, 4}) {
    options_.descriptors_reserved = reserved;
    listener_.reset();
    Start();
    const size_t taken = taken_.size();
    rlimit before = {};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 8; ++i) Connect();
    ASSERT_TRUE(taken_.WaitFor(taken + 8));
    const int next = dup(STDERR_FILENO);
    close(next);
    // Three more: a client, and what the listener takes if it may.
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next) + 3;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    Connect();
    Connect();
    AwaitFullLook();
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(taken_.WaitFor(taken + 10)) << reserved;
  }
}

TEST_F(ListenerTest, AfterStopTheAddressIsFree) {
  Start();
  const std::string port = std::to_string(listener_->port());
  const auto second = Listener::Open("127.0.0.1", port, options_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().ToString(),
              HasSubstr("cannot listen on 127.0.0.1:" + port + ": another program listens there"));
  Connect();
  ASSERT_TRUE(taken_.WaitFor(1));
  listener_->Stop();
  listener_->Stop();
  EXPECT_TRUE(Listener::Open("127.0.0.1", port, options_).ok());
}

TEST_F(ListenerTest, AnAddressOfNobodyIsNamed) {
  const absl::Status elsewhere = Listener::Open("192.0.2.1", "0", options_).status();
  EXPECT_THAT(elsewhere.ToString(), HasSubstr("cannot listen on 192.0.2.1:0: "));
  const absl::Status unknown = Listener::Open("no.such.host.invalid", "0", options_).status();
  EXPECT_THAT(unknown.ToString(), HasSubstr("cannot listen on no.such.host.invalid: "));
}

TEST_F(ListenerTest, ANameMayMeanSeveralAddresses) {
  auto listener = Listener::Open("localhost", "0", options_);
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_GT((*listener)->port(), 0);
}

}  // namespace
}  // namespace intentlog
