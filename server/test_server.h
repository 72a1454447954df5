// A TestServer is a Server in a folder of its own, on time and executors that move when the test
// says so. What commits runs on an executor of its own, so that a test can look at the world
// between a decision and its sync.
//
//   TestServer server;
//   till.Connect(*server);
//   server.RunUntilIdle();
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/manual_executor.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "projections/views/shared_views.h"
#include "proto/commerce.pb.h"
#include "server/server.h"

namespace intentlog {

// Thread-compatible.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}) : options_(std::move(options)) {
    static int number = 0;
    const char* const scratch = std::getenv("TEST_TMPDIR");
    const std::string parent = scratch == nullptr ? "/tmp" : scratch;
    if (options_.dir.empty()) options_.dir = Cat(parent, "/server-", ++number);
    static const auto* const schema = new std::shared_ptr<const Schema>(
        Schema::Compiled({commerce::OrderOpened::descriptor()->file()}));
    if (options_.schema == nullptr) options_.schema = *schema;
    if (options_.projections.empty()) options_.projections = SharedViews();
    std::filesystem::remove_all(options_.dir);
    Open();
  }
  ~TestServer() {
    DropTasks();
    server_.reset();
    std::filesystem::remove_all(options_.dir);
  }

  Server& operator*() { return *server_; }
  Server* operator->() { return server_.get(); }

  void Open() {
    const absl::Status status = TryOpen();
    if (!status.ok()) CheckFailed(__FILE__, __LINE__, status.ToString().c_str());
  }
  absl::Status TryOpen() {
    auto server = Server::Open(options_, clock_, random_, {&core_, &commit_, &reader_, nullptr});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }
  // Of the next one that is opened.
  void SetSchema(std::shared_ptr<const Schema> schema) { options_.schema = std::move(schema); }
  void SetProjections(Projections projections) { options_.projections = std::move(projections); }
  // The process dies; what was not synced may be there or not.
  void Crash() {
    DropTasks();
    server_.reset();
    DropTasks();
  }
  // Stops in good order and closes.
  bool Stop() {
    bool stopped = false;
    server_->Stop([&] { stopped = true; });
    for (int i = 0; i < 1000 && !stopped; ++i) RunFor(absl::Milliseconds(1));
    server_.reset();
    return stopped;
  }

  // All executors, until nothing is due.
  void RunUntilIdle() {
    while (core_.RunUntilIdle() + reader_.RunUntilIdle() + commit_.RunUntilIdle() > 0) {
    }
  }
  // Decides and reads, but commits nothing.
  void RunWithoutCommits() {
    while (core_.RunUntilIdle() + reader_.RunUntilIdle() > 0) {
    }
  }
  // One task of each executor.
  void RunSomeSteps() {
    reader_.RunOne();
    commit_.RunOne();
    core_.RunUntilIdle();
  }
  // One task that commits, if one waits: often one group.
  void CommitOne() { commit_.RunOne(); }
  // At most one task of each executor.
  void RunOneOfEach() {
    core_.RunOne();
    reader_.RunOne();
    commit_.RunOne();
  }
  void RunFor(absl::Duration duration) {
    const absl::Duration step = absl::Milliseconds(100);
    for (; duration > absl::ZeroDuration(); duration -= step) {
      core_.RunFor(duration < step ? duration : step);
      RunUntilIdle();
    }
  }

  const ServerOptions& options() const { return options_; }
  ManualClock& clock() { return clock_; }
  Executor& core() { return core_; }

 private:
  void DropTasks() {
    core_.DropAll();
    commit_.DropAll();
    reader_.DropAll();
  }

  ServerOptions options_;
  ManualClock clock_;
  SeededRandom random_{1};
  ManualExecutor core_{clock_};
  ManualExecutor commit_{clock_};
  ManualExecutor reader_{clock_};
  std::unique_ptr<Server> server_;
};

// ---- events of a shop

inline commerce::StockMoved Moved(const std::string& product, int64_t delta) {
  commerce::StockMoved event;
  event.set_product_id(product);
  event.set_delta(delta);
  return event;
}
inline commerce::PriceSet Priced(const std::string& product, int64_t price_micros) {
  commerce::PriceSet event;
  event.set_product_id(product);
  event.set_price_micros(price_micros);
  return event;
}

}  // namespace intentlog
