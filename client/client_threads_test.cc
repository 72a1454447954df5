// A client on real threads: an application may call it from any of them while its executor syncs.
#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "client/sync/fake_server.h"
#include "client/sync/loopback_channel.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "gtest/gtest.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

constexpr int kWriters = 3;
constexpr int kEach = 120;

commerce::StockMoved Move(const std::string& product) {
  commerce::StockMoved moved;
  moved.set_product_id(product);
  moved.set_delta(-1);
  return moved;
}

class ClientThreadsTest : public testing::Test {
 protected:
  void SetUp() override {
    ClientOptions options;
    options.dir = testing::TempDir() + "/client_threads";
    std::filesystem::remove_all(options.dir);
    options.device = "till";
    options.scopes = {"shop"};
    options.schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
    options.projections = CommerceViews();
    options.runtime = {&SystemClock(), executor_.get(), random_.get()};
    options.retry_base = absl::Milliseconds(1);
    auto client = Client::Open(options);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }
  // What belongs to the executor goes on it.
  void TearDown() override {
    client_.reset();
    OnExecutor([] {});
  }
  void OnExecutor(const std::function<void()>& task) {
    std::promise<void> ran;
    executor_->Post([&] {
      task();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  void Write(int writer) {
    for (int i = 0; i < kEach; ++i) {
      const auto appended = client_->Append(Move(Cat("p", writer)));
      ASSERT_TRUE(appended.ok()) << appended.status();
      if (i % 20 != 0) continue;
      ASSERT_TRUE(
          client_->AwaitReceipt(appended->intent_id, [this](const auto&) { ++told_; }).ok());
      ASSERT_TRUE(client_->Why(appended->intent_id).ok());
      ASSERT_TRUE(client_->Find(appended->intent_id).ok());
    }
  }
  void Read() {
    while (!done_) {
      for (int i = 0; i < kWriters; ++i) {
        ASSERT_TRUE(client_->Get("stock", Cat("p", i)).ok());
        (void)client_->StateOf({"stock", Cat("p", i)});
      }
      ASSERT_TRUE(client_->Page("stock", {}).ok());
      const auto all = client_->List(Count(1), 10'000);
      ASSERT_TRUE(all.ok()) << all.status();
      ASSERT_TRUE(client_->Digests("stock").ok());
      const auto cursor = client_->Scan("stock");
      ASSERT_TRUE(cursor.ok()) << cursor.status();
      for (bool more = true; more;) {
        const auto row = (*cursor)->Next();
        ASSERT_TRUE(row.ok()) << row.status();
        more = *row != nullptr;
      }
      const ClientStatus status = client_->Status();
      ASSERT_LE(status.counts.synced, status.counts.recorded);
    }
  }
  void Watch() {
    while (!done_) {
      const auto rows = client_->Watch("stock", "p", [this](const std::string&) { ++told_; });
      const auto states = client_->WatchStates([this](const Entity&, RecordState) { ++told_; });
      const auto stream = client_->WatchRows("stock", "p", [this] { ++told_; });
      ASSERT_TRUE(stream.ok());
      client_->SetConditions(Conditions());
      (void)client_->SyncNow();
      client_->Unwatch(rows);
      client_->UnwatchStates(states);
    }
  }
  // The line breaks now and then.
  void Cut() {
    while (!done_) {
      OnExecutor([&] {
        if (network_.connected()) network_.CloseWith(absl::UnavailableError("connection lost"));
      });
      std::this_thread::yield();
    }
  }

  const std::unique_ptr<Random> random_ = MakeSystemRandom();
  std::atomic<int> told_ = 0;
  std::atomic<bool> done_ = false;
  const std::unique_ptr<Executor> executor_ = MakeThreadExecutor("device");
  LoopbackConnector network_{*executor_};
  FakeServer server_{network_};
  std::unique_ptr<Client> client_;
};

TEST_F(ClientThreadsTest, I8_WhatManyThreadsRecordWhileItSyncsIsDecidedOnceAndReadByAll) {
  ASSERT_TRUE(client_->StartSync(network_).ok());
  std::vector<std::thread> others;
  others.emplace_back([this] { Read(); });
  others.emplace_back([this] { Watch(); });
  others.emplace_back([this] { Cut(); });
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { Write(i); });
  for (std::thread& writer : writers) writer.join();
  done_ = true;
  for (std::thread& other : others) other.join();
  while (client_->Status().counts.pending > 0) {
    (void)client_->SyncNow();
    std::this_thread::yield();
  }
  OnExecutor([&] {
    EXPECT_EQ(server_.log().size(), size_t{kWriters * kEach});
    EXPECT_GE(told_, kWriters * kEach / 20);
  });
  client_->StopSync();
  EXPECT_EQ(client_->Status().counts.synced, size_t{kWriters * kEach});
}

}  // namespace
}  // namespace intentlog
