// The two gRPC skins face to face over loopback, with a small backend in the place of the server:
// what they carry, how they end, and that neither grows without bound.
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "client/wire/grpc_connector.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/text.h"
#include "server/wire/sync_service.h"

namespace intentlog {
namespace {

constexpr std::chrono::seconds kPatience(30);

// State shared between executors and the test. Wait tells whether the condition became true.
class Watched {
 public:
  template <class Change>
  void Do(Change change) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      change();
    }
    changed_.notify_all();
  }
  template <class Condition>
  bool Wait(Condition condition) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

// Runs `task` on the executor and waits for it.
void RunOn(Executor& executor, std::function<void()> task) {
  Watched watched;
  bool done = false;
  executor.Post([&] {
    task();
    watched.Do([&] { done = true; });
  });
  ASSERT_TRUE(watched.Wait([&] { return done; }));
}

// Tells what a device sent, and does as `on_frame` says.
class FakeBackend final : public Backend {
 public:
  using OnFrame = std::function<void(FrameSink& sink, std::string_view frame)>;

  Executor& core() override { return *core_; }
  std::unique_ptr<ServerConnection> Accept(FrameSink& sink) override {
    watched_.Do([&] {
      ++accepted_;
      sink_ = &sink;
    });
    return std::make_unique<Connection>(*this, sink);
  }
  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view) const override {
    return NotFound("no log");
  }
  absl::StatusOr<std::shared_ptr<const ReadModels>> Models(std::string_view) const override {
    return NotFound("no views");
  }
  Position ViewPosition(std::string_view) const override { return Position(); }
  absl::StatusOr<StatsReply> Stats(std::string_view) const override { return NotFound("no log"); }

  bool WaitForAccepted(int count) {
    return watched_.Wait([&] { return accepted_ >= count; });
  }
  bool WaitForEnded(int count) {
    return watched_.Wait([&] { return ended_ >= count; });
  }
  bool WaitForReceived(size_t bytes) {
    return watched_.Wait([&] { return received_ >= bytes; });
  }
  size_t received() {
    size_t bytes = 0;
    watched_.Do([&] { bytes = received_; });
    return bytes;
  }
  // Everything that came so far is processed, and all that comes later is at once.
  void Process() {
    RunOn(*core_, [this] {
      unprocessed_ = 0;
      hoarding_ = false;
      sink_->InputProcessed();
    });
  }
  // From now on input stays unprocessed.
  void Hoard() {
    RunOn(*core_, [this] { hoarding_ = true; });
  }

  OnFrame on_frame = [](FrameSink&, std::string_view) {};

 private:
  class Connection final : public ServerConnection {
   public:
    Connection(FakeBackend& backend, FrameSink& sink) : backend_(backend), sink_(sink) {}
    ~Connection() override {
      backend_.watched_.Do([this] { ++backend_.ended_; });
    }
    void OnFrame(std::string_view bytes) override {
      if (backend_.hoarding_) backend_.unprocessed_ += bytes.size();
      backend_.on_frame(sink_, bytes);
      backend_.watched_.Do([&] { backend_.received_ += bytes.size(); });
    }
    void OnWritable() override {}
    size_t unprocessed_bytes() const override { return backend_.unprocessed_; }

   private:
    FakeBackend& backend_;
    FrameSink& sink_;
  };

  Watched watched_;
  int accepted_ = 0, ended_ = 0;  // watched
  size_t received_ = 0;           // watched
  FrameSink* sink_ = nullptr;     // core's, after Accept
  bool hoarding_ = false;         // core's
  size_t unprocessed_ = 0;        // core's
  std::unique_ptr<Executor> core_ = MakeThreadExecutor("core");
};

// A device's end.
class Device final : public ChannelListener {
 public:
  explicit Device(const std::string& address)
      : executor_(MakeThreadExecutor("device")), connector_({.address = address}, *executor_) {}
  ~Device() override { Drop(); }

  void Connect() {
    RunOn(*executor_, [this] { channel_ = connector_.Connect(*this); });
  }
  void Send(std::string bytes) {
    RunOn(*executor_, [&] { channel_->Send(std::move(bytes)); });
  }
  void Close() {
    RunOn(*executor_, [this] { channel_->Close(); });
  }
  void Drop() {
    RunOn(*executor_, [this] { channel_.reset(); });
  }
  size_t unsent() {
    size_t bytes = 0;
    RunOn(*executor_, [&] { bytes = channel_->unsent_bytes(); });
    return bytes;
  }
  // Keeps the executor busy, as a device does that folds slowly, until Release.
  void Occupy() {
    executor_->Post([this] { ASSERT_TRUE(watched_.Wait([this] { return released_; })); });
  }
  void Release() {
    watched_.Do([this] { released_ = true; });
  }

  void OnFrame(std::string bytes) override {
    watched_.Do([&] { frames_.push_back(std::move(bytes)); });
  }
  void OnWritable() override {}
  void OnClosed(const absl::Status& status) override {
    watched_.Do([&] {
      ++closed_;
      status_ = status;
    });
  }

  bool WaitForFrames(size_t count) {
    return watched_.Wait([&] { return frames_.size() >= count || closed_ > 0; }) &&
           frames_.size() >= count;
  }
  bool WaitForClosed() {
    return watched_.Wait([&] { return closed_ > 0; });
  }
  const std::vector<std::string>& frames() const { return frames_; }
  const absl::Status& status() const { return status_; }
  int closed() const { return closed_; }

 private:
  Watched watched_;
  std::vector<std::string> frames_;  // watched
  absl::Status status_;              // watched
  int closed_ = 0;                   // watched
  bool released_ = false;            // watched
  std::unique_ptr<Executor> executor_;
  GrpcConnector connector_;
  std::unique_ptr<Channel> channel_;
};

class SyncStreamTest : public testing::Test {
 protected:
  void Start(const SyncServiceOptions& options = {}) {
    service_ = std::make_unique<SyncService>(backend_, options);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.SetMaxReceiveMessageSize((1 << 20) + (64 << 10));
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    address_ = Cat("127.0.0.1:", port);
  }
  void TearDown() override {
    if (server_ == nullptr) return;
    service_->StopAccepting();
    server_->Shutdown(std::chrono::system_clock::now());
    EXPECT_TRUE(service_->WaitUntilIdle(absl::Seconds(30)));
  }
  static SharedFrame Frame(std::string_view bytes) {
    return std::make_shared<const std::string>(bytes);
  }

  FakeBackend backend_;
  std::unique_ptr<SyncService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(SyncStreamTest, FramesOfEverySizeGoBothWaysInOrder) {
  backend_.on_frame = [](FrameSink& sink, std::string_view frame) { sink.Send(Frame(frame)); };
  SyncServiceOptions options;
  options.unsent_bytes_max = 16 << 20;  // all of it may be on its way at once
  Start(options);
  Device device(address_);
  device.Connect();
  std::vector<std::string> sent;
  for (size_t size : {0, 1, 511, 512, 513, 4096, 65536, 300000, 1 << 20}) {
    for (char c : {'a', 'b', 'c'}) sent.push_back(std::string(size, c));
  }
  for (const std::string& frame : sent) device.Send(frame);
  ASSERT_TRUE(device.WaitForFrames(sent.size())) << device.status();
  EXPECT_EQ(device.frames(), sent);
}

TEST_F(SyncStreamTest, OneFrameIsSharedByManyDevices) {
  const SharedFrame shared = Frame(std::string(100000, 'x'));
  backend_.on_frame = [&](FrameSink& sink, std::string_view) { sink.Send(shared); };
  Start();
  std::vector<std::unique_ptr<Device>> devices;
  for (int i = 0; i < 8; ++i) devices.push_back(std::make_unique<Device>(address_));
  for (auto& device : devices) device->Connect();
  for (auto& device : devices) device->Send("go");
  for (auto& device : devices) {
    ASSERT_TRUE(device->WaitForFrames(1));
    EXPECT_EQ(device->frames().front(), *shared);
  }
}

TEST_F(SyncStreamTest, WhatTheServerSentBeforeItClosedArrives) {
  backend_.on_frame = [](FrameSink& sink, std::string_view) {
    for (int i = 0; i < 100; ++i) sink.Send(Frame(std::string(10000, 'x')));
    sink.Send(Frame("goodbye"));
    sink.Close();
    sink.Send(Frame("never"));
  };
  Start();
  Device device(address_);
  device.Connect();
  device.Send("hello");
  ASSERT_TRUE(device.WaitForClosed());
  EXPECT_TRUE(device.status().ok()) << device.status();
  ASSERT_EQ(device.frames().size(), 101u);
  EXPECT_EQ(device.frames().back(), "goodbye");
  EXPECT_TRUE(backend_.WaitForEnded(1));
}

TEST_F(SyncStreamTest, WhatTheDeviceSentBeforeItClosedArrives) {
  Start();
  Device device(address_);
  device.Connect();
  for (int i = 0; i < 100; ++i) device.Send(std::string(10000, 'x'));
  device.Close();
  ASSERT_TRUE(device.WaitForClosed());
  EXPECT_TRUE(device.status().ok()) << device.status();
  EXPECT_EQ(backend_.received(), 1000000u);
  EXPECT_TRUE(backend_.WaitForEnded(1));
}

TEST_F(SyncStreamTest, ADroppedChannelEndsTheServersConnectionAndIsSilent) {
  backend_.on_frame = [](FrameSink& sink, std::string_view frame) { sink.Send(Frame(frame)); };
  Start();
  Device device(address_);
  device.Connect();
  device.Send("hello");
  ASSERT_TRUE(device.WaitForFrames(1));
  device.Drop();
  EXPECT_TRUE(backend_.WaitForEnded(1));
  EXPECT_EQ(device.closed(), 0);
}

TEST_F(SyncStreamTest, AChannelMayBeDroppedAtAnyMoment) {
  backend_.on_frame = [](FrameSink& sink, std::string_view frame) { sink.Send(Frame(frame)); };
  Start();
  for (int moment = 0; moment < 60; ++moment) {
    Device device(address_);
    device.Connect();
    for (int i = 0; i < moment % 6; ++i) device.Send(std::string(5000, 'x'));
    if (moment % 4 == 1) device.Close();
    if (moment % 4 == 2 && moment % 6 > 0) {
      ASSERT_TRUE(device.WaitForFrames(1));
    }
  }
}

TEST_F(SyncStreamTest, NobodyListeningIsToldToTheListener) {
  Device device("127.0.0.1:1");
  device.Connect();
  ASSERT_TRUE(device.WaitForClosed());
  EXPECT_EQ(device.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(MessageOf(device.status()),
            "no server at 127.0.0.1:1: connection refused; is `intentlog serve` running there?");
  EXPECT_EQ(device.closed(), 1);
}

TEST_F(SyncStreamTest, AFrameAboveTheLimitEndsItsStreamAlone) {
  backend_.on_frame = [](FrameSink& sink, std::string_view frame) { sink.Send(Frame(frame)); };
  Start();
  Device good(address_), bad(address_);
  good.Connect();
  bad.Connect();
  bad.Send(std::string(3 << 20, 'x'));
  ASSERT_TRUE(bad.WaitForClosed());
  EXPECT_FALSE(bad.status().ok());
  good.Send("still here");
  EXPECT_TRUE(good.WaitForFrames(1));
}

TEST_F(SyncStreamTest, I34_ReadingStopsWhileInputIsUnprocessed) {
  SyncServiceOptions options;
  options.unprocessed_bytes_max = 1 << 20;
  Start(options);
  Device device(address_);
  device.Connect();
  device.Send("hello");
  ASSERT_TRUE(backend_.WaitForReceived(5));
  backend_.Hoard();
  constexpr size_t kFrames = 64, kBytes = 256 << 10;
  for (size_t i = 0; i < kFrames; ++i) device.Send(std::string(kBytes, 'x'));
  ASSERT_TRUE(backend_.WaitForReceived(4 * kBytes));
  EXPECT_LE(backend_.received(), 5 + (1 << 20) + kBytes);
  EXPECT_GT(device.unsent(), 0u);
  backend_.Process();
  EXPECT_TRUE(backend_.WaitForReceived(5 + kFrames * kBytes));
}

TEST_F(SyncStreamTest, I34_ADeviceThatTakesNothingIsCut) {
  SyncServiceOptions options;
  options.unsent_bytes_max = 4 << 20;
  backend_.on_frame = [](FrameSink& sink, std::string_view) {
    for (int i = 0; i < 256; ++i) sink.Send(Frame(std::string(256 << 10, 'x')));
  };
  Start(options);
  Device device(address_);
  device.Connect();
  device.Send("flood me");
  device.Occupy();
  EXPECT_TRUE(backend_.WaitForEnded(1));
  device.Release();
  EXPECT_TRUE(device.WaitForClosed());
  EXPECT_FALSE(device.status().ok());
}

TEST_F(SyncStreamTest, MoreDevicesThanAllowedAreRefusedInWords) {
  SyncServiceOptions options;
  options.streams_max = 1;
  Start(options);
  Device first(address_), second(address_);
  first.Connect();
  ASSERT_TRUE(backend_.WaitForAccepted(1));
  second.Connect();
  ASSERT_TRUE(second.WaitForClosed());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(SyncStreamTest, StoppingCutsWhatDoesNotEnd) {
  Start();
  Device device(address_);
  device.Connect();
  ASSERT_TRUE(backend_.WaitForAccepted(1));
  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_TRUE(service_->WaitUntilIdle(absl::Seconds(30)));
  EXPECT_TRUE(device.WaitForClosed());
  EXPECT_TRUE(backend_.WaitForEnded(1));
}

}  // namespace
}  // namespace intentlog
