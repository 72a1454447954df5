// Real processes, real gRPC, real disk: devices are killed at random instants while they begin at a
// snapshot, trim their log and sync, and the server while it takes snapshots. They always come
// back, and in the end every device has the rows of the server, and the server everything that a
// device said it had recorded.
//
// INTENTLOG_SEED chooses the instants (printed); INTENTLOG_KILLS how many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "tests/integration/process.h"

namespace intentlog {
namespace {

using nlohmann::json;

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class DeviceKillTest : public testing::Test {
 protected:
  void SetUp() override {
    const uint64_t seed = Setting("INTENTLOG_SEED", 1);
    std::cout << "INTENTLOG_SEED=" << seed << "\n";
    random_ = std::make_unique<SeededRandom>(seed);
    StartServer();
    Record("till", 3'000);
    ASSERT_EQ(Sync("till").exit_code, 0);
  }
  std::string DirOf(const std::string& device) { return base_ + "/" + device; }
  // Too little for the feed, but of the one that records all of it.
  static std::string QuotaOf(const std::string& device) {
    return device == "till" ? "3000000" : "200000";
  }

  void StartServer() {
    server_ = std::make_unique<Background>(std::vector<std::string>{
        "serve", "--data", base_ + "/server", "--listen", "127.0.0.1:0", "--json",
        "--snapshot-events", "500", "--snapshot-pause", "0s", "--device-snapshot-events", "200"});
    const json ready = json::parse(server_->ReadLine(), nullptr, false);
    ASSERT_TRUE(ready.is_object());
    address_ = ready["address"];
  }
  // So many order lines into the scope "shared", in batches.
  void Record(const std::string& device, int lines) {
    for (; lines > 0 && !HasFatalFailure(); lines -= 500) RecordBatch(device, std::min(lines, 500));
  }
  void RecordBatch(const std::string& device, int lines) {
    std::string input;
    for (int i = 0; i < lines; ++i) {
      input += json{{"order_id", Cat(device, "-", recorded_[device] / 5)},
                    {"product_id", Cat("product-", recorded_[device] % 97)},
                    {"quantity", 1 + recorded_[device] % 3},
                    {"unit_price_micros", 1500000}}
                   .dump() +
               "\n";
      ++recorded_[device];
    }
    const Ran ran = RunIntentlog({"device", "append", "--dir", DirOf(device), "--device", device,
                                  "--log-quota", QuotaOf(device), "OrderLineAdded", "-"},
                                 input);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }
  std::vector<std::string> SyncCommand(const std::string& device) {
    return {"device", "sync",   "--dir", DirOf(device), "--server",
            address_, "--wait", "60s",   "--log-quota", QuotaOf(device)};
  }
  Ran Sync(const std::string& device) { return RunIntentlog(SyncCommand(device)); }
  json Status(const std::string& device) {
    const Ran ran = RunIntentlog({"device", "status", "--dir", DirOf(device), "--json"});
    EXPECT_EQ(ran.exit_code, 0) << device << ": " << ran.err;
    return json::parse(ran.out, nullptr, false);
  }
  std::string Digests(const std::vector<std::string>& place) {
    std::vector<std::string> command = {"view", "digest", "--json"};
    command.insert(command.end(), place.begin(), place.end());
    const Ran ran = RunIntentlog(command);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::string digests;
    const json all = json::parse(ran.out, nullptr, false);
    for (const json& view : all["views"]) {
      digests += Cat(std::string(view["name"]), " ", std::string(view["sha256"]));
      for (const json& scope : view["scopes"]) digests += Cat(" ", std::string(scope["digest"]));
      digests += "\n";
    }
    return digests;
  }
  void KillSyncing(const std::string& device, uint64_t micros) {
    const Background sync(SyncCommand(device));
    usleep(static_cast<useconds_t>(random_->Below(micros)));
  }  // killed
  void ExpectAsServer(const std::string& device);

  const std::string base_ = FreshFolder("device-kill");
  std::unique_ptr<SeededRandom> random_;
  std::unique_ptr<Background> server_;
  std::string address_;
  std::map<std::string, int> recorded_;
  std::map<std::string, int> found_;  // what the kills met
};

void DeviceKillTest::ExpectAsServer(const std::string& device) {
  const Ran synced = Sync(device);
  ASSERT_EQ(synced.exit_code, 0) << device << ": " << synced.err;
  const json status = Status(device);
  EXPECT_EQ(status["recorded"], recorded_[device]) << device;
  EXPECT_EQ(status["synced"], recorded_[device]) << device << ": " << status.dump(1);
  EXPECT_LE(status["log_bytes"], std::stoull(QuotaOf(device))) << device;
  EXPECT_EQ(Digests({"--dir", DirOf(device)}), Digests({"--server", address_})) << device;
  const Ran verified = RunIntentlog({"events", "verify", "--dir", DirOf(device)});
  EXPECT_EQ(verified.exit_code, 0) << device << ": " << verified.out << verified.err;
}

TEST_F(DeviceKillTest, WhateverADeviceWasDoingItComesBackWithTheRowsOfTheServer) {
  const uint64_t kills = Setting("INTENTLOG_KILLS", 8);
  constexpr uint64_t kPerDevice = 4;
  for (uint64_t kill = 0; kill < kills && !HasFailure();) {
    const std::string device = Cat("fresh-", kill);
    Record(device, 20);
    for (uint64_t i = 0; i < kPerDevice && kill < kills; ++i, ++kill) {
      if (random_->Below(4) == 0) Record(device, 5 + static_cast<int>(random_->Below(40)));
      KillSyncing(device, 300'000);
      const json status = Status(device);
      ++found_[status["scopes"][0]["held_after"] > 0 ? "  began at a snapshot"
               : status["scopes"][0]["cursor"] > 0   ? "  began with the feed"
                                                     : "  has nothing yet"];
      if (random_->Below(5) != 0) continue;
      Record("till", 400);  // makes a snapshot due
      const Background sync(SyncCommand("till"));
      usleep(static_cast<useconds_t>(random_->Below(200'000)));
      server_->Stop(SIGKILL);
      ++found_["  the server was killed, too"];
      StartServer();
    }
    ExpectAsServer(device);
  }
  ExpectAsServer("till");
  std::cout << "FIGURE kill -9 cycles: " << kills << "\n";
  for (const auto& [what, count] : found_) std::cout << count << what << "\n";
}

}  // namespace
}  // namespace intentlog
