// Real processes, real gRPC, real disk: a server and two devices are killed at random instants
// while they sync. Nothing that a device acknowledged may be lost or doubled (I1, I3, I8, I10).
//
// INTENTLOG_SEED chooses the instants (printed); INTENTLOG_KILLS how many.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>

#include "client/client.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/log/verify.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/manual_executor.h"
#include "eventlog/runtime/text.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "tests/integration/child.h"

namespace intentlog::integration {
namespace {

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = Cat(testing::TempDir(), "/kill-", getpid());
    seed_ = Setting("INTENTLOG_SEED", 1);
    random_ = std::make_unique<SeededRandom>(seed_);
    std::cout << "seed " << seed_ << "\n";
  }

  void StartServer() {
    server_ = std::make_unique<Child>(
        std::vector<std::string>{"tools/intentlog", "serve", "--data", root_ + "/server",
                                 "--listen", port_.empty() ? "127.0.0.1:0" : "127.0.0.1:" + port_});
    const std::string line = server_->FirstLine();
    const size_t at = line.find("127.0.0.1:");
    ASSERT_NE(at, std::string::npos) << "the server did not start: " << line;
    port_ = line.substr(at + 10, line.find_first_not_of("0123456789", at + 10) - at - 10);
  }
  void StartDevice(const std::string& name) {
    devices_[name] = std::make_unique<Child>(std::vector<std::string>{
        "tests/integration/kill_device", root_ + "/" + name, name, "127.0.0.1:" + port_});
  }
  void KillDevice(const std::string& name) {
    devices_[name]->Kill();
    std::istringstream lines(devices_[name]->Output());
    for (std::string line; std::getline(lines, line) && !lines.eof();) {
      const size_t space = line.find(' ');
      const auto [at, is_new] = acknowledged_[name].emplace(
          std::strtoull(line.c_str(), nullptr, 10), line.substr(space + 1));
      EXPECT_TRUE(is_new) << name << " acknowledged count " << at->first << " twice";
    }
  }
  // Every device alone, until it has all its receipts.
  void SyncWhatIsLeft(const std::string& name) {
    Child sync({"tools/intentlog", "device", "sync", "--dir", root_ + "/" + name, "--server",
                "127.0.0.1:" + port_});
    EXPECT_EQ(sync.Wait(), 0) << sync.Output();
  }
  absl::StatusOr<std::unique_ptr<Client>> Open(const std::string& name) {
    ClientOptions options;
    options.dir = root_ + "/" + name;
    options.schema = Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()});
    options.projections = CommerceViews();
    options.runtime = {&clock_, &executor_, random_.get()};
    return Client::Open(std::move(options));
  }
  void CheckDevice(const std::string& name, const EventLog& log);

  std::string root_, port_;
  uint64_t seed_ = 0;
  std::unique_ptr<Random> random_;
  ManualClock clock_;
  ManualExecutor executor_{clock_};
  std::unique_ptr<Child> server_;
  std::map<std::string, std::unique_ptr<Child>> devices_;
  std::map<std::string, std::map<uint64_t, std::string>> acknowledged_;
};

void KillTest::CheckDevice(const std::string& name, const EventLog& log) {
  const auto client = Open(name);
  ASSERT_TRUE(client.ok()) << client.status();
  const ClientStatus status = (*client)->Status();
  const auto& acknowledged = acknowledged_[name];
  ASSERT_FALSE(acknowledged.empty());
  EXPECT_EQ(status.counts.pending, 0);
  EXPECT_EQ(status.counts.synced, status.counts.recorded);
  EXPECT_GE(status.counts.recorded, acknowledged.size());  // the last one may be unacknowledged
  const auto highest = log.Highest(status.log_id);
  ASSERT_TRUE(highest.ok());
  EXPECT_EQ(highest->count.value(), status.counts.recorded);
  for (const auto& [count, id] : acknowledged) {
    const auto found = (*client)->Find(*ParseIntentId(id));
    ASSERT_TRUE(found.ok()) << name << " lost " << count << ": " << found.status();
    EXPECT_EQ(found->count.value(), count);
    EXPECT_GT(found->position.value(), 0);
  }
  std::cout << name << ": " << acknowledged.size() << " acknowledged, " << status.counts.recorded
            << " recorded, all on the server once\n";
}

TEST_F(KillTest, NothingAcknowledgedIsLostOrDoubledByKillsDuringSync) {
  StartServer();
  StartDevice("till-1");
  StartDevice("till-2");
  const uint64_t kills = Setting("INTENTLOG_KILLS", 50);
  for (uint64_t kill = 0; kill < kills && !HasFatalFailure(); ++kill) {
    usleep(static_cast<useconds_t>(20'000 + random_->Below(250'000)));
    for (const auto& [name, device] : devices_) device->Output();
    switch (random_->Below(4)) {
      case 0:
      case 1:
        server_->Kill();
        StartServer();
        break;
      default: {
        const std::string name = random_->Below(2) == 0 ? "till-1" : "till-2";
        KillDevice(name);
        StartDevice(name);
      }
    }
  }
  for (const char* name : {"till-1", "till-2"}) {
    KillDevice(name);
    SyncWhatIsLeft(name);
  }
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(), 0);

  const auto engine = RocksdbEngine::Open(root_ + "/server/log", StoreOptions());
  ASSERT_TRUE(engine.ok()) << engine.status();
  const auto log = EventLog::Open(**engine, "default", EpochId(), EventLogOptions());
  ASSERT_TRUE(log.ok()) << log.status();
  const auto verified = VerifyLog(**log);
  ASSERT_TRUE(verified.ok()) << verified.status();
  for (const std::string& problem : verified->problems) ADD_FAILURE() << problem;
  EXPECT_EQ(verified->device_logs, 2);
  CheckDevice("till-1", **log);
  CheckDevice("till-2", **log);
}

}  // namespace
}  // namespace intentlog::integration
