// The intentlog command on folders that are damaged: of a device and of a server. Each damage is
// named in one line that says what to do, or the folder says exactly what it said before (I5). What
// a damaged device recorded goes on in a folder that is repaired, and nothing is doubled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class DamageCommandTest : public testing::Test {
 protected:
  static constexpr int kFilesOfAKind = 2;

  static std::string Lines(int from, int count) {
    std::string input;
    for (int i = from; i < from + count; ++i) {
      input += json{{"order_id", std::to_string(i / 5)},
                    {"product_id", "product-" + std::to_string(i % 97)},
                    {"quantity", 1 + i % 3},
                    {"unit_price_micros", 1250000},
                    {"sold_at_us", 1700000000000000}}
                   .dump() +
               "\n";
    }
    return input;
  }
  void Record(int count) {
    const Ran ran = RunIntentlog(
        {"device", "append", "--dir", device_, "--device", "till", "OrderLineAdded", "-"},
        Lines(recorded_, count));
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    recorded_ += count;
  }
  void StartServer() {
    server_ = std::make_unique<Background>(
        std::vector<std::string>{"serve", "--data", data_, "--listen", "127.0.0.1:0", "--json"});
    address_ = json::parse(server_->ReadLine(), nullptr, false).value("address", "");
  }
  void StopServer() { EXPECT_EQ(server_->Stop(SIGTERM), 0); }
  Ran Sync() {
    return RunIntentlog(
        {"device", "sync", "--dir", device_, "--server", address_, "--wait", "30s"});
  }
  static json RunJson(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Ran ran = RunIntentlog(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return json::parse(ran.out, nullptr, /*allow_exceptions=*/false);
  }
  uint64_t Head() { return RunJson({"events", "stats", "--server", address_})["head"]; }

  // Flips a bit in each of so many regions, cuts, and deletes: each is one damage of `file`.
  struct Damage {
    std::string file;
    std::string what;
    std::function<void(const fs::path&)> do_it;
  };
  static std::vector<Damage> DamagesOf(const fs::path& folder, uint64_t regions) {
    std::vector<Damage> damages;
    std::map<std::string, int> of_kind;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file() || entry.file_size() == 0) continue;
      const std::string file = fs::relative(entry.path(), folder).string();
      const std::string name = entry.path().filename().string();
      if (name == "LOG") continue;  // what RocksDB warned of, for people
      const std::string kind = entry.path().parent_path().string() +
                               entry.path().extension().string() + name.substr(0, 2);
      if (++of_kind[kind] > kFilesOfAKind) continue;
      const uint64_t size = entry.file_size();
      for (uint64_t region = 0; region < regions; ++region) {
        const uint64_t at = region + 1 == regions ? size - 1 : size * region / regions;
        damages.push_back({file, "a bit flipped at byte " + std::to_string(at),
                           [at](const fs::path& path) { Flip(path, at); }});
      }
      damages.push_back(
          {file, "cut in half", [size](const fs::path& path) { fs::resize_file(path, size / 2); }});
      damages.push_back({file, "gone", [](const fs::path& path) { fs::remove(path); }});
    }
    return damages;
  }
  static void Flip(const fs::path& path, uint64_t at) {
    std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const int was = bytes.get();
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(was ^ 4));
  }
  static void CopyTo(const std::string& from, const std::string& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
  }
  // What a folder says of itself: whether all is well, and its history and rows if so.
  static std::string Says(const std::string& dir, Ran* verified) {
    *verified = RunIntentlog({"events", "verify", "--dir", dir});
    if (verified->exit_code != 0) return "";
    const Ran stats = RunIntentlog({"events", "stats", "--dir", dir, "--json"});
    const Ran digest = RunIntentlog({"view", "digest", "--dir", dir});
    json said = json::parse(stats.out, nullptr, /*allow_exceptions=*/false);
    said.erase("oldest_pending_age_seconds");
    said.erase("logs");  // ages, too
    return said.dump() + std::to_string(digest.exit_code) + digest.out;
  }
  static void ExpectNamed(const Ran& ran, const std::string& dir) {
    EXPECT_LT(ran.exit_code, 128) << ran.err;
    EXPECT_THAT(ran.out + ran.err, HasSubstr(dir.substr(dir.rfind('/') + 1)));
  }

  const std::string base_ = FreshFolder("damage");
  const std::string device_ = base_ + "/till";
  const std::string data_ = base_ + "/data";
  std::unique_ptr<Background> server_;
  std::string address_;
  int recorded_ = 0;
};

TEST_F(DamageCommandTest, I5_ADeviceFolderIsRefusedOrSaysWhatItSaidAndGoesOnWhenRepaired) {
  StartServer();
  for (const int count : {400, 3, 300}) {
    Record(count);
    ASSERT_EQ(Sync().exit_code, 0);
  }
  Record(40);
  Record(7);
  const std::string kept = base_ + "/kept";
  CopyTo(device_, kept);
  Ran verified;
  const std::string golden = Says(device_, &verified);
  ASSERT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  ASSERT_EQ(Head(), recorded_ - 47);

  std::map<std::string, int> found;
  for (const Damage& damage : DamagesOf(kept, 2)) {
    SCOPED_TRACE(damage.file + ": " + damage.what);
    CopyTo(kept, device_);
    damage.do_it(fs::path(device_) / damage.file);
    const std::string says = Says(device_, &verified);
    if (verified.exit_code == 0) {
      EXPECT_EQ(says, golden);
      ++found["as before"];
      continue;
    }
    ExpectNamed(verified, device_);
    ++found["refused"];
    const Ran repaired = RunIntentlog({"device", "repair", "--dir", device_, "--json"});
    if (repaired.exit_code != 0) {
      EXPECT_THAT(repaired.err, HasSubstr("the folder was left as it is")) << verified.err;
      ++found["beyond repair"];
      continue;
    }
    const json report = json::parse(repaired.out, nullptr, false);
    EXPECT_TRUE(fs::exists(std::string(report["set_aside"]))) << repaired.out;
    fs::remove_all(std::string(report["set_aside"]));
    uint64_t lost = 0;
    for (const json& log : report["logs"]) {
      for (const json& range : log["unreadable"]) {
        const uint64_t first = range[0], last = range[1];
        for (uint64_t count = first; count <= last; ++count)
          lost += count > recorded_ - 47u ? 1 : 0;
      }
      lost += static_cast<uint64_t>(log["left_aside"]);
    }
    const Ran synced = Sync();
    EXPECT_EQ(synced.exit_code, 0) << synced.err << repaired.out;
    EXPECT_LE(Head(), recorded_) << repaired.out;  // nothing is doubled
    const json status = RunJson({"device", "status", "--dir", device_});
    EXPECT_EQ(status["pending"], 0) << repaired.out;
    ++found[lost == 0 ? "repaired whole" : "repaired, but for what could not be read"];
    if (lost == 0) {
      EXPECT_EQ(Head(), recorded_) << repaired.out;
    }
    EXPECT_EQ(RunIntentlog({"events", "verify", "--dir", device_}).exit_code, 0);
  }
  for (const auto& [what, count] : found) std::cout << count << " " << what << "\n";
  EXPECT_GT(found["repaired whole"], 3);
  CopyTo(kept, device_);
  const Ran nothing = RunIntentlog({"device", "repair", "--dir", device_});
  EXPECT_EQ(nothing.exit_code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("there is nothing to repair"));
  StopServer();
}

TEST_F(DamageCommandTest, I5_AServersFolderIsRefusedOrSaysWhatItSaid) {
  StartServer();
  for (const int count : {300, 3, 200}) {
    Record(count);
    ASSERT_EQ(Sync().exit_code, 0);
  }
  StopServer();
  StartServer();  // tables, too
  Record(20);
  ASSERT_EQ(Sync().exit_code, 0);
  StopServer();
  const std::string kept = base_ + "/kept";
  CopyTo(data_, kept);
  Ran verified;
  const std::string golden = Says(data_, &verified);
  ASSERT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  std::map<std::string, int> found;
  for (const Damage& damage : DamagesOf(kept, 2)) {
    SCOPED_TRACE(damage.file + ": " + damage.what);
    CopyTo(kept, data_);
    damage.do_it(fs::path(data_) / damage.file);
    const std::string says = Says(data_, &verified);
    ++found[verified.exit_code == 0 ? "as before" : "refused"];
    if (verified.exit_code == 0) {
      EXPECT_EQ(says, golden);
    } else {
      ExpectNamed(verified, data_);
    }
  }
  for (const auto& [what, count] : found) std::cout << count << " " << what << "\n";
  EXPECT_GT(found["refused"], 3);
}

}  // namespace
}  // namespace intentlog
