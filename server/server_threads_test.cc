// The server on real threads: what the executors own is touched by them alone.
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "eventlog/runtime/executor.h"
#include "gtest/gtest.h"
#include "server/session/scripted_device.h"
#include "server/test_server.h"

namespace intentlog {
namespace {

class ServerThreadsTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.dir = testing::TempDir() + "/threads";
    std::filesystem::remove_all(options_.dir);
    options_.schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
    options_.projections = CommerceViews();
    options_.small_blocks_merge_after = 4;
    auto server = Server::Open(options_, SystemClock(), *random_,
                               {core_.get(), commit_.get(), reader_.get(), projector_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void OnCore(const std::function<void()>& task) {
    std::promise<void> ran;
    core_->Post([&] {
      task();
      ran.set_value();
    });
    ran.get_future().wait();
  }
  // Asks the core again and again.
  void Await(const std::function<bool()>& condition) {
    for (bool holds = false; !holds;) {
      OnCore([&] { holds = condition(); });
      std::this_thread::yield();
    }
  }

  ServerOptions options_;
  const std::unique_ptr<Random> random_ = MakeSystemRandom();
  const std::unique_ptr<Executor> core_ = MakeThreadExecutor("core");
  const std::unique_ptr<Executor> commit_ = MakeThreadExecutor("commit");
  const std::unique_ptr<Executor> reader_ = MakeThreadExecutor("reader");
  const std::unique_ptr<Executor> projector_ = MakeThreadExecutor("projector");
  std::unique_ptr<Server> server_;
};

TEST_F(ServerThreadsTest, I8_ManyDevicesAtOnceHaveEachIntentOnce) {
  constexpr int kDevices = 6;
  constexpr uint64_t kIntents = 400;
  std::vector<ScriptedDevice> devices;
  for (int i = 0; i < kDevices; ++i) {
    devices.emplace_back(Cat("till-", i), std::vector<std::string>{Cat("shop-", i % 2)});
    for (uint64_t n = 0; n < kIntents; ++n) {
      devices.back().Record(Moved(Cat("p", i % 2, n % 9), 1), "stock", Cat("p", i % 2, n % 9));
    }
  }
  OnCore([&] {
    for (ScriptedDevice& device : devices) device.Connect(*server_);
  });
  Await([&] {
    bool all = true;
    for (ScriptedDevice& device : devices) {
      device.Absorb();
      all = all && device.welcome().session() > 0;
    }
    return all;
  });
  for (uint64_t first = 1; first <= kIntents; first += 10) {
    OnCore([&] {
      for (ScriptedDevice& device : devices) device.PushCounts(first, first + 9);
    });
    // Readers on a thread of their own.
    ASSERT_TRUE((*server_->Log("default"))->Scopes().ok());
    server_->ViewPosition("default");
    ASSERT_TRUE(server_->Stats("default").ok());
  }
  Await([&] {
    bool all = true;
    for (ScriptedDevice& device : devices) {
      device.Absorb();
      all = all && device.receipts().size() == kIntents &&
            device.seen().size() == kIntents * kDevices / 2;
    }
    return all && server_->ViewPosition("default") == Position(kDevices * kIntents);
  });
  std::promise<void> stopped;
  OnCore([&] { server_->Stop([&] { stopped.set_value(); }); });
  stopped.get_future().wait();
  OnCore([&] {
    devices.clear();
    server_.reset();
  });
}

}  // namespace
}  // namespace intentlog
