// Real clients and a real server over gRPC on loopback, in one process: so that the sanitizers see
// the whole way.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/wire/grpc_connector.h"
#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "server/wire/grpc_server.h"
#include "server/wire/server_backend.h"
#include "tests/integration/process.h"
#include "tests/integration/tcp_proxy.h"
#include "tools/commands/open_device.h"
#include "tools/commands/open_server.h"

namespace intentlog {
namespace {

constexpr std::chrono::seconds kPatience(60);

// A server's backend that can tell the position of its views later than their rows have it: what
// happens for a moment at every commit of the projector.
class LateBackend final : public Backend {
 public:
  explicit LateBackend(std::unique_ptr<Backend> real) : real_(std::move(real)) {}
  std::atomic<bool> late = false;

  Executor& core() override { return real_->core(); }
  std::unique_ptr<ServerConnection> Accept(FrameSink& sink) override { return real_->Accept(sink); }
  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const override {
    return real_->Log(tenant);
  }
  absl::StatusOr<std::shared_ptr<const ReadModels>> Models(std::string_view tenant) const override {
    return real_->Models(tenant);
  }
  Position ViewPosition(std::string_view tenant) const override {
    return late ? Position() : real_->ViewPosition(tenant);
  }
  absl::StatusOr<StatsReply> Stats(std::string_view tenant) const override {
    return real_->Stats(tenant);
  }

 private:
  const std::unique_ptr<Backend> real_;
};

// A server that can be stopped and started again on its port.
class TestServer {
 public:
  explicit TestServer(std::string dir) : dir_(std::move(dir)) {}
  ~TestServer() { Stop(); }

  void Start() {
    ServerOptions options;
    options.dir = dir_;
    absl::StatusOr<OpenServer> server = OpenServer::Open(options, "");
    ASSERT_TRUE(server.ok()) << server.status();
    server_.emplace(std::move(*server));
    backend_ = std::make_unique<LateBackend>(BackendOf(server_->server(), server_->core()));
    GrpcServerOptions wire;
    wire.listen = address_;
    absl::StatusOr<std::unique_ptr<GrpcServer>> grpc = GrpcServer::Start(*backend_, wire);
    ASSERT_TRUE(grpc.ok()) << grpc.status();
    grpc_ = std::move(*grpc);
    address_ = grpc_->address();
  }
  void Stop() {
    if (grpc_ == nullptr) return;
    server_->Stop();
    grpc_.reset();
    backend_.reset();
    server_.reset();
  }
  const std::string& address() const { return address_; }
  LateBackend& backend() { return *backend_; }

 private:
  const std::string dir_;
  std::string address_ = "127.0.0.1:0";
  std::optional<OpenServer> server_;
  std::unique_ptr<LateBackend> backend_;
  std::unique_ptr<GrpcServer> grpc_;
};

class Till {
 public:
  Till(const std::string& dir, const std::string& name, const std::string& scope) {
    DeviceFolderOptions options;
    options.dir = dir;
    options.device = name;
    options.scope = scope;
    options.all_scopes = scope == "office";
    options.create = true;
    absl::StatusOr<OpenDevice> device = OpenDeviceFolder(options);
    INTENTLOG_CHECK(device.ok());
    device_ = std::move(*device);
    client().OnStatusChange([this] { changed_.notify_all(); });
  }
  ~Till() { Disconnect(); }

  Client& client() { return *device_.client; }

  // One batch of lines of one order.
  void Sell(const std::string& order, int lines) {
    std::vector<commerce::OrderLineAdded> events(static_cast<size_t>(lines));
    std::vector<NewIntent> intents(events.size());
    for (size_t i = 0; i < events.size(); ++i) {
      events[i].set_order_id(order);
      events[i].set_product_id(Cat("product-", i % 7));
      events[i].set_quantity(static_cast<int64_t>(i) + 1);
      events[i].set_unit_price_micros(1'250'000);
      events[i].set_country("France");
      intents[i].event = &events[i];
    }
    const auto done = client().AppendAll(intents);
    ASSERT_TRUE(done.ok()) << done.status();
  }
  void Connect(const std::string& address) {
    connector_ =
        std::make_unique<GrpcConnector>(WireOptions{.address = address}, *device_.executor);
    ASSERT_TRUE(client().StartSync(*connector_).ok());
  }
  void Disconnect() {
    client().StopSync();
    connector_.reset();
  }
  // Until the condition holds for the status.
  template <class Condition>
  bool WaitFor(Condition condition) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition(client().Status())) {
      if (std::chrono::steady_clock::now() > end) return false;
      changed_.wait_for(lock, std::chrono::milliseconds(10));
    }
    return true;
  }
  bool WaitForSynced(uint64_t intents) {
    return WaitFor([intents](const ClientStatus& s) { return s.counts.synced == intents; });
  }
  bool WaitForFeed(uint64_t position) {
    return WaitFor([position](const ClientStatus& status) {
      for (const ScopeStatus& scope : status.scopes) {
        if (scope.cursor.value() >= position) return true;
      }
      return false;
    });
  }

 private:
  OpenDevice device_;
  std::unique_ptr<GrpcConnector> connector_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

// Digests of a view by scope; scopes without rows are left out.
std::map<std::string, std::string> Digests(Client& client, const std::string& view) {
  std::map<std::string, std::string> digests;
  const auto states = client.Digests(view);
  EXPECT_TRUE(states.ok()) << states.status();
  for (const ScopeState& state : *states) {
    if (state.rows > 0) digests[state.scope] = state.digest.Bytes();
  }
  return digests;
}
std::map<std::string, std::string> Digests(const ViewInfo& view) {
  std::map<std::string, std::string> digests;
  for (const ScopeDigest& scope : view.scopes()) {
    if (scope.rows() > 0) digests[scope.scope()] = scope.digest();
  }
  return digests;
}

TEST(ClientServerTest, I17_WhatWasRecordedOfflineIsEqualEverywhereAfterSync) {
  TestServer server(FreshFolder("server"));
  Till paris(FreshFolder("paris"), "paris", "paris"), lyon(FreshFolder("lyon"), "lyon", "lyon");
  for (int i = 0; i < 20; ++i) {
    paris.Sell(Cat("p", i), 10);
    lyon.Sell(Cat("l", i), 10);
  }
  server.Start();
  Till office(FreshFolder("office"), "office", "office");
  for (Till* till : {&paris, &lyon, &office}) till->Connect(server.address());
  EXPECT_TRUE(paris.WaitForSynced(200));
  EXPECT_TRUE(lyon.WaitForSynced(200));
  ASSERT_TRUE(office.WaitFor([](const ClientStatus& s) { return s.server_head.value() == 400; }));
  ASSERT_TRUE(office.WaitForFeed(400));

  const ReaderClient reader({.address = server.address()}, "default");
  uint64_t events = 0;
  EXPECT_TRUE(reader
                  .ReadEvents({.from = Position(1)},
                              [&](const EventRef& event, Position) {
                                return event.position.value() == ++events;
                              })
                  .ok());
  EXPECT_EQ(events, 400u);
  // A dump waits until the server's views have all of its log.
  const auto dumped =
      reader.DumpView("orders", {Position(400)}, [](auto, auto) { return absl::OkStatus(); });
  ASSERT_TRUE(dumped.ok()) << dumped.status();
  const auto views = reader.ListViews();
  ASSERT_TRUE(views.ok()) << views.status();
  EXPECT_GT(views->views_size(), 0);
  for (const ViewInfo& view : views->views()) {
    EXPECT_EQ(Digests(office.client(), view.name()), Digests(view)) << view.name();
  }
  EXPECT_EQ(office.client().Status().digests_unequal, 0u);
  for (Till* till : {&paris, &lyon}) till->Disconnect();
  // The position of a dump is that of its rows, even if the server has not told it yet.
  server.backend().late = true;
  const auto early = reader.DumpView("orders", {}, [](auto, auto) { return absl::OkStatus(); });
  EXPECT_EQ(early.value_or(Position()), Position(400));
}

TEST(ClientServerTest, PagesAreTheDumpAndAPositionThatIsNotThereIsSaid) {
  TestServer server(FreshFolder("server"));
  server.Start();
  Till till(FreshFolder("till"), "till", "paris");
  till.Connect(server.address());
  for (int order = 0; order < 30; ++order) till.Sell(Cat("order-", order), 2);
  ASSERT_TRUE(till.WaitForSynced(60));
  const ReaderClient reader({.address = server.address()}, "default");
  std::vector<std::string> dumped, paged;
  ASSERT_TRUE(reader
                  .DumpView("orders", {Position(60)},
                            [&](std::string_view key, std::string_view row) {
                              dumped.push_back(Cat(key, "=", row));
                              return absl::OkStatus();
                            })
                  .ok());
  ScanRowsOptions options;
  options.limit = 7;
  do {
    const auto page = reader.ScanRows("orders", options);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->position(), 60u);
    EXPECT_LE(page->rows_size(), 7);
    for (const KeyedRow& row : page->rows()) paged.push_back(Cat(row.key(), "=", row.row()));
    options.after = page->more();
  } while (!options.after.empty());
  EXPECT_EQ(dumped.size(), 30u);
  EXPECT_EQ(paged, dumped);
  options.index = "day";
  EXPECT_EQ(reader.ScanRows("orders", options)->rows_size(), 0);  // nobody opened them on a day
  options.after = "a token";
  EXPECT_EQ(reader.ScanRows("orders", options).status().code(), absl::StatusCode::kInvalidArgument);

  const ReadAt late{Position(999), absl::Milliseconds(30)};
  options = {};
  options.at = late;
  WatchRowsOptions watched;
  watched.at = late;
  const auto none = [](auto&&...) { return absl::OkStatus(); };
  for (const absl::Status& status :
       {reader.GetRow("orders", "order-1", late).status(),
        reader.ScanRows("orders", options).status(), reader.DumpView("orders", late, none).status(),
        reader.WatchRows("orders", watched, [](const WatchChunk&) { return true; })}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
    EXPECT_NE(Cat(status).find("view orders is at position 60, not yet at 999, after 30 ms"),
              std::string::npos)
        << status;
  }
  EXPECT_EQ(reader.ListViews(late).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(ClientServerTest, WhoWatchesSlowlySeesTheLastStateOfEveryRow) {
  TestServer server(FreshFolder("server"));
  server.Start();
  Till till(FreshFolder("till"), "till", "paris");
  till.Connect(server.address());
  till.Sell("order-1", 10);
  ASSERT_TRUE(till.WaitForSynced(10));
  const ReaderClient reader({.address = server.address()}, "default");
  std::map<std::string, std::string> rows;
  int begun = 0;
  WatchRowsOptions options;
  options.prefix = "order-";
  options.keys_max = 3;
  options.at = {Position(10)};
  const absl::Status watched = reader.WatchRows("orders", options, [&](const WatchChunk& chunk) {
    if (chunk.begins()) rows.clear();
    if (chunk.begins() && ++begun == 1) {
      // While this is in hand, more rows change than may wait.
      for (int order = 0; order < 20; ++order) till.Sell(Cat("order-", order), 10);
      EXPECT_TRUE(till.WaitForSynced(210));
    }
    for (const WatchedRow& row : chunk.rows()) rows[row.key()] = row.row();
    return !(chunk.whole() && chunk.position() == 210);
  });
  EXPECT_TRUE(watched.ok()) << watched;
  EXPECT_GE(begun, 1);
  std::map<std::string, std::string> dumped;
  ASSERT_TRUE(reader
                  .DumpView("orders", {Position(210)},
                            [&](std::string_view key, std::string_view row) {
                              dumped[std::string(key)] = row;
                              return absl::OkStatus();
                            })
                  .ok());
  EXPECT_EQ(rows.size(), 20u);
  EXPECT_EQ(rows, dumped);
}

TEST(ClientServerTest, I8_AServerThatStopsAndStartsAgainLosesAndDoublesNothing) {
  TestServer server(FreshFolder("server"));
  server.Start();
  Till till(FreshFolder("till"), "till", "paris");
  till.Connect(server.address());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) till.Sell(Cat("order-", round, "-", i), 20);
    server.Stop();
    till.Sell(Cat("offline-", round), 5);
    server.Start();
  }
  ASSERT_TRUE(till.WaitForSynced(3 * 205));
  const ReaderClient reader({.address = server.address()}, "default");
  const auto stats = reader.Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->head(), 3u * 205);
  EXPECT_TRUE(till.WaitForFeed(3 * 205));
}

// ---- a bad line

using integration::TcpProxy;

// Syncs over a line that is cut after so many bytes, then over a whole one.
class CutLine {
 public:
  CutLine() : till_(FreshFolder("till"), "till", "paris") {
    server_.Start();
    NewLine();
  }

  void SyncWhole() { Sync(); }
  template <class Cut>
  void SyncCut(Cut cut) {
    till_.Sell(Cat("order-", ++sold_), 1);
    NewLine();
    cut(*proxy_);
    till_.Connect(proxy_->address());
    EXPECT_TRUE(till_.WaitFor([&](const ClientStatus& status) {
      return status.counts.pending == 0 ||
             (proxy_->connections() > 0 && !status.last_error.empty());
    }));
    till_.Disconnect();
    NewLine();
    Sync();
  }
  uint64_t sold() const { return sold_; }
  uint64_t head() {
    const auto stats = ReaderClient({.address = server_.address()}, "default").Stats();
    EXPECT_TRUE(stats.ok());
    return stats.ok() ? stats->head() : 0;
  }

 private:
  // At an address of its own: gRPC is in no hurry to come back to one that failed.
  void NewLine() { proxy_.emplace(server_.address()); }
  void Sync() {
    till_.Connect(proxy_->address());
    EXPECT_TRUE(till_.WaitForSynced(sold_));
    till_.Disconnect();
  }

  TestServer server_{FreshFolder("server")};
  Till till_;
  std::optional<TcpProxy> proxy_;
  uint64_t sold_ = 0;
};

TEST(ClientServerTest, I8_ALineThatIsCutAfterAnyByteOfTheAnswersLosesAndDoublesNothing) {
  CutLine line;
  line.SyncWhole();
  for (uint64_t bytes = 0; bytes < 1000; bytes += 29) {
    line.SyncCut([&](TcpProxy& proxy) { proxy.CutDownAfter(bytes); });
    if (HasFailure()) FAIL() << "cut after " << bytes << " bytes to the device";
  }
  EXPECT_EQ(line.head(), line.sold());
}

TEST(ClientServerTest, I8_ALineThatIsCutAfterAnyByteOfThePushesLosesAndDoublesNothing) {
  CutLine line;
  line.SyncWhole();
  for (uint64_t bytes = 0; bytes < 1400; bytes += 97) {
    line.SyncCut([&](TcpProxy& proxy) { proxy.CutUpAfter(bytes); });
    if (HasFailure()) FAIL() << "cut after " << bytes << " bytes to the server";
  }
  EXPECT_EQ(line.head(), line.sold());
}

TEST(ClientServerTest, ALineThatGivesOneByteAtATimeIsSlowAndRight) {
  CutLine line;
  line.SyncCut([](TcpProxy& proxy) { proxy.Pieces(1); });
  EXPECT_EQ(line.head(), 1u);
}

TEST(ClientServerTest, AWrongAddressLeavesTheWorkPendingAndSaysWhy) {
  Till till(FreshFolder("till"), "till", "paris");
  till.Sell("1", 1);
  till.Connect("127.0.0.1:1");
  EXPECT_TRUE(till.WaitFor([](const ClientStatus& status) {
    return status.last_error.find("connection refused") != std::string::npos;
  }));
  EXPECT_EQ(till.client().Status().counts.pending, 1u);
  EXPECT_FALSE(till.client().Status().blocked_by.text.empty());
}

}  // namespace
}  // namespace intentlog
