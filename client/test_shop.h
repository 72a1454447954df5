// A TestShop is one device of a shop with a server in memory, on simulated time: for tests that
// read as stories. Thread-compatible.
//
//   TestShop shop("till");
//   shop.Sell("order-1", "milk", 2);
//   EXPECT_EQ(shop.Stock("milk"), -2);
//   shop.Sync();
//   EXPECT_EQ(shop.client().Status().counts.synced, 1u);
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/client.h"
#include "client/sync/fake_server.h"
#include "client/sync/loopback_channel.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/manual_executor.h"
#include "eventlog/runtime/random.h"
#include "gtest/gtest.h"
#include "projections/views/shared_views.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {

class TestShop {
 public:
  // On the file system `env`; null: the machine's.
  explicit TestShop(const std::string& name, uint64_t seed = 1, rocksdb::Env* env = nullptr)
      : executor_(clock_), random_(seed), network_(executor_), server_(network_) {
    options_.dir = testing::TempDir() + "/" + name;
    std::filesystem::remove_all(options_.dir);
    options_.env = env;
    options_.device = name;
    options_.scopes = {"shop"};
    options_.schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
    options_.projections = SharedViews();
    options_.runtime = {&clock_, &executor_, &random_};
    Open();
  }
  ~TestShop() {
    client_.reset();
    executor_.RunUntilIdle();
    std::filesystem::remove_all(options_.dir);
  }

  // ---- the device
  void Open() {
    const absl::Status status = TryOpen();
    INTENTLOG_CHECK(status.ok());
  }
  absl::Status TryOpen() {
    ASSIGN_OR_RETURN(client_, Client::Open(options_));
    return absl::OkStatus();
  }
  // The process ends and begins again; what lay in its executor is gone.
  void Restart() {
    Stop();
    Open();
  }
  void Stop() {
    client_.reset();
    executor_.DropAll();
  }
  static commerce::OrderLineAdded Line(const std::string& order, const std::string& product,
                                       int64_t quantity) {
    commerce::OrderLineAdded line;
    line.set_order_id(order);
    line.set_product_id(product);
    line.set_quantity(quantity);
    line.set_unit_price_micros(1'000'000);
    return line;
  }
  Appended Sell(const std::string& order, const std::string& product, int64_t quantity,
                const AppendOptions& options = {}) {
    const auto done = client_->Append(Line(order, product, quantity), options);
    EXPECT_TRUE(done.ok()) << done.status();
    return done.value_or(Appended());
  }
  // Units on hand, as the user sees them; nothing sold or moved: 0.
  int64_t Stock(const std::string& product,
                Client::Reading reading = Client::Reading::kOptimistic) const {
    const auto row = client_->Get("stock", product, reading);
    EXPECT_TRUE(row.ok()) << row.status();
    return row.ok() && row->has_value() ? (*row)->Read<views::StockRow>().on_hand() : 0;
  }
  int64_t ConfirmedStock(const std::string& product) const {
    return Stock(product, Client::Reading::kConfirmed);
  }
  RecordState StateOf(const std::string& order) const {
    const auto state = client_->StateOf({"order", order});
    EXPECT_TRUE(state.ok()) << state.status();
    return state.value_or(RecordState::kSynced);
  }

  // ---- the others
  static Intent ByOthers(const std::string& order, const std::string& product, int64_t quantity) {
    Intent intent;
    intent.set_intent_id(std::string(16, 'o'));
    intent.set_type("intentlog.commerce.OrderLineAdded");
    intent.set_entity_type("order");
    intent.set_entity_id(order);
    intent.set_scope("shop");
    intent.set_payload(Line(order, product, quantity).SerializeAsString());
    return intent;
  }

  // ---- time and network
  void StartSync() {
    const absl::Status status = client_->StartSync(network_);
    EXPECT_TRUE(status.ok()) << status;
  }
  void Run() { executor_.RunUntilIdle(); }
  // Starts and runs until nothing is left to do now.
  void Sync() {
    if (!client_->Status().syncing) StartSync();
    Run();
  }
  void Cut() {
    if (network_.connected()) network_.CloseWith(absl::UnavailableError("connection lost"));
  }
  // Until a device that was cut off has tried again.
  void Pass(absl::Duration time) { executor_.RunFor(time); }

  Client& client() { return *client_; }
  FakeServer& server() { return server_; }
  LoopbackConnector& network() { return network_; }
  ManualExecutor& executor() { return executor_; }
  ManualClock& clock() { return clock_; }
  ClientOptions& options() { return options_; }
  SeededRandom& random() { return random_; }

 private:
  ManualClock clock_;
  ManualExecutor executor_;
  SeededRandom random_;
  LoopbackConnector network_;
  FakeServer server_;
  ClientOptions options_;
  std::unique_ptr<Client> client_;
};

}  // namespace intentlog
