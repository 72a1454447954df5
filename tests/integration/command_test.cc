// The intentlog command as scripts and people meet it: exit codes, one clear line on failure,
// stdout that holds a document and nothing else, and the whole way from an append to equal read
// models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eventlog/schema/schema_maker.h"
#include "tests/integration/process.h"

namespace intentlog {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

using Arguments = std::vector<std::string>;

void ExpectOneLine(const std::string& text) {
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

// Fails with `code`, nothing on stdout, and one line on stderr that holds each of `words`.
void ExpectRefused(const Arguments& arguments, int code, const std::vector<std::string>& words) {
  const Ran ran = RunIntentlog(arguments);
  EXPECT_EQ(ran.exit_code, code) << ran.err;
  EXPECT_EQ(ran.out, "");
  ExpectOneLine(ran.err);
  for (const std::string& word : words) EXPECT_THAT(ran.err, HasSubstr(word));
}

std::string MustRun(const Arguments& arguments, const std::string& input = "") {
  const Ran ran = RunIntentlog(arguments, input);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  return ran.out;
}

json MustRunJson(Arguments arguments) {
  arguments.push_back("--json");
  const std::string out = MustRun(arguments);
  json document = json::parse(out, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(document.is_discarded()) << out;
  return document;
}

std::string LinePayload(const std::string& order, int quantity) {
  return json{{"order_id", order},           {"product_id", "milk"},
              {"quantity", quantity},        {"unit_price_micros", 1250000},
              {"sold_at_us", 1700000000000}, {"country", "France"},
              {"customer_id", "17"}}
      .dump();
}

Arguments With(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Records one order line on a device; makes its folder on first use.
json AppendLine(const std::string& dir, const std::string& order, int quantity,
                const Arguments& more = {}) {
  Arguments arguments = {"device", "append",         "--dir",
                         dir,      "OrderLineAdded", LinePayload(order, quantity)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return MustRunJson(arguments);
}

class Serving {
 public:
  explicit Serving(const std::string& data, const Arguments& more = {})
      : process_(With({"serve", "--data", data, "--listen", "127.0.0.1:0", "--digest-interval",
                       "20ms", "--json"},
                      more)) {
    const json ready = json::parse(process_.ReadLine(), nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(ready.is_discarded());
    if (ready.is_object()) address_ = ready.value("address", "");
    EXPECT_THAT(address_, StartsWith("127.0.0.1:"));
  }
  const std::string& address() const { return address_; }
  int Stop(int signal) { return process_.Stop(signal); }

 private:
  Background process_;
  std::string address_;
};

// ---- usage

TEST(CommandTest, TheVersionNamesCommitAndFormats) {
  const std::string out = MustRun({"--version"});
  EXPECT_THAT(out, StartsWith("intentlog "));
  EXPECT_THAT(out, HasSubstr("commit "));
  EXPECT_THAT(out, HasSubstr("formats: store "));
}

TEST(CommandTest, WrongUsageIsExitCode2AndSaysWhatThereIs) {
  ExpectRefused({}, 2, {"a subcommand is missing", "serve", "device", "events", "view"});
  ExpectRefused({"sreve"}, 2, {"no subcommand \"sreve\"", "serve"});
  ExpectRefused({"device"}, 2, {"intentlog device", "append", "sync"});
  ExpectRefused({"device", "push"}, 2, {"no subcommand \"push\"", "append"});
  ExpectRefused({"serve"}, 2, {"--data"});
  ExpectRefused({"serve", "--data", "d", "--heal-wait", "soon"}, 2, {"soon", "no duration"});
  ExpectRefused({"events", "read"}, 2, {"--dir DIR or --server HOST:PORT"});
  ExpectRefused({"view", "list", "--nonsense"}, 2, {"--nonsense"});
}

TEST(CommandTest, EverySubcommandHasHelp) {
  for (const Arguments& arguments : {Arguments{"--help"},
                                     {"serve", "--help"},
                                     {"device", "append", "--help"},
                                     {"device", "sync", "--help"},
                                     {"device", "status", "--help"},
                                     {"device", "show", "--help"},
                                     {"device", "conflicts", "--help"},
                                     {"device", "resolve", "--help"},
                                     {"device", "amend", "--help"},
                                     {"device", "dismiss", "--help"},
                                     {"device", "why", "--help"},
                                     {"events", "read", "--help"},
                                     {"events", "tail", "--help"},
                                     {"events", "stats", "--help"},
                                     {"events", "verify", "--help"},
                                     {"view", "list", "--help"},
                                     {"view", "get", "--help"},
                                     {"view", "dump", "--help"},
                                     {"view", "digest", "--help"}}) {
    EXPECT_THAT(MustRun(arguments), HasSubstr("Usage"));
  }
}

// ---- folders

TEST(CommandTest, AFolderThatIsNoneIsCalledSo) {
  const std::string foreign = FreshFolder("foreign");
  std::ofstream(foreign + "/letter.txt") << "hello";
  ExpectRefused({"events", "read", "--dir", "/nowhere/at/all"}, 1, {"nothing at /nowhere/at/all"});
  ExpectRefused({"events", "read", "--dir", foreign}, 1, {foreign, "no folder of Intentlog"});
  ExpectRefused({"device", "status", "--dir", foreign}, 1, {foreign, "no folder of Intentlog"});
  ExpectRefused({"serve", "--data", foreign}, 1, {foreign, "no folder of Intentlog"});
  ExpectRefused({"device", "append", "--dir", foreign, "OrderLineAdded", LinePayload("1", 1)}, 1,
                {foreign, "no folder of Intentlog"});
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(foreign), {}), 1);
}

TEST(CommandTest, ADevicesFolderIsNoServersAndTheReverse) {
  const std::string base = FreshFolder("both");
  AppendLine(base + "/device-1", "1", 1);
  ExpectRefused({"serve", "--data", base + "/device-1"}, 1, {"the folder of a device"});
  {
    Serving server(base + "/server");
    EXPECT_EQ(server.Stop(SIGTERM), 0);
  }
  ExpectRefused({"device", "status", "--dir", base + "/server"}, 1,
                {"the data folder of a server"});
  ExpectRefused({"view", "list", "--dir", base}, 1, {"name one of them", base + "/server"});
}

// All bytes of a folder's files, by name; what a process writes for itself alone is left out.
std::map<std::string, std::string> Contents(const std::string& dir) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || name == "LOCK" || name.starts_with("LOG")) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().string()].assign(std::istreambuf_iterator<char>(file), {});
  }
  return contents;
}

std::string ManifestIn(const std::string& store) {
  std::ifstream current(store + "/CURRENT");
  std::string name;
  std::getline(current, name);
  return store + "/" + name;
}

void Write(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// What may happen to the files by which a store finds its others.
struct Damage {
  const char* name;
  void (*to)(const std::string& store);
};
constexpr Damage kDamages[] = {
    {"CURRENT missing",
     [](const std::string& store) { std::filesystem::remove(store + "/CURRENT"); }},
    {"CURRENT empty", [](const std::string& store) { Write(store + "/CURRENT", ""); }},
    {"CURRENT garbled", [](const std::string& store) { Write(store + "/CURRENT", "nonsense\n"); }},
    {"CURRENT of another",
     [](const std::string& store) { Write(store + "/CURRENT", "MANIFEST-009999\n"); }},
    {"MANIFEST missing",
     [](const std::string& store) { std::filesystem::remove(ManifestIn(store)); }},
    {"MANIFEST empty", [](const std::string& store) { Write(ManifestIn(store), ""); }},
    {"MANIFEST garbled",
     [](const std::string& store) { Write(ManifestIn(store), std::string(500, 'x')); }},
};

TEST(CommandTest, I5_ADamagedStoreIsRefusedInOneLineAndLeftAsItIs) {
  const std::string base = FreshFolder("damaged");
  const std::string device = base + "/device", data = base + "/data";
  AppendLine(device, "1", 1);
  AppendLine(device, "2", 1);
  {
    Serving server(data);
    MustRun({"device", "sync", "--dir", device, "--server", server.address()});
    server.Stop(SIGTERM);
  }
  for (const Damage& damage : kDamages) {
    SCOPED_TRACE(damage.name);
    const std::string copy = FreshFolder("copy");
    std::filesystem::copy(base, copy, std::filesystem::copy_options::recursive);
    for (const std::string store : {"/device", "/data/log"}) damage.to(copy + store);
    const auto before = Contents(copy);
    const std::string dir = copy + "/device";
    ExpectRefused({"device", "status", "--dir", dir}, 1, {dir + " is damaged: ", "from a backup"});
    ExpectRefused({"device", "append", "--dir", dir, "OrderLineAdded", LinePayload("3", 1)}, 1,
                  {dir + " is damaged: "});
    ExpectRefused({"serve", "--data", copy + "/data"}, 1,
                  {copy + "/data/log is damaged: ", "from a backup"});
    EXPECT_EQ(Contents(copy), before);
  }
}

TEST(CommandTest, I5_TheFileIdentityIsMadeAgainAndNothingIsMissing) {
  const std::string dir = FreshFolder("device");
  AppendLine(dir, "1", 1);
  std::filesystem::remove(dir + "/IDENTITY");
  EXPECT_EQ(MustRunJson({"device", "status", "--dir", dir})["recorded"], 1);
  Write(dir + "/IDENTITY", "nonsense");
  EXPECT_EQ(MustRunJson({"device", "status", "--dir", dir})["recorded"], 1);
}

// ---- recording

TEST(CommandTest, WhatIsWrongWithAPayloadIsNamedAndNoFolderIsMade) {
  const std::string dir = FreshFolder("new") + "/device";
  const auto append = [&dir](const std::string& type, const std::string& payload) {
    return Arguments{"device", "append", "--dir", dir, type, payload};
  };
  ExpectRefused(append("OrderLineRemoved", "{}"), 1, {"OrderLineRemoved", "OrderLineAdded"});
  ExpectRefused(append("OrderLineAdded", "{"), 1, {"OrderLineAdded"});
  ExpectRefused(append("OrderLineAdded", R"({"order_id": "1", "colour": "red"})"), 1, {"colour"});
  EXPECT_FALSE(std::filesystem::exists(dir));
  ExpectRefused(append("OrderLineAdded", R"({"product_id": "milk"})"), 1, {"order_id"});
}

TEST(CommandTest, AnAppendIsShownPendingWithAReason) {
  const std::string dir = FreshFolder("device");
  const json appended = AppendLine(dir, "581482", 2, {"--device", "till-1", "--scope", "paris"});
  EXPECT_EQ(appended["count"], 1);
  const std::string id = appended["intent_id"];
  const json status = MustRunJson({"device", "status", "--dir", dir});
  EXPECT_EQ(status["device"], "till-1");
  EXPECT_EQ(status["recorded"], 1);
  EXPECT_EQ(status["pending"], 1);
  EXPECT_EQ(MustRunJson({"device", "show", "--dir", dir, "order/581482"})["state"], "pending");
  EXPECT_EQ(MustRunJson({"device", "show", "--dir", dir, id})["payload"]["product_id"], "milk");
  EXPECT_EQ(MustRunJson({"device", "show", "--dir", dir})["intents"].size(), 1u);
  EXPECT_EQ(MustRunJson({"device", "why", "--dir", dir, id})["kind"], "sync-stopped");
  EXPECT_EQ(MustRunJson({"view", "get", "sales_by_invoice", "581482", "--dir", dir})["units"], 2);
  ExpectRefused({"device", "show", "--dir", dir, "order/1"}, 1, {"order/1"});
  ExpectRefused({"device", "why", "--dir", dir, "order/1"}, 1, {"order/1"});
  ExpectRefused({"device", "why", "--dir", dir, "nonsense"}, 1, {"nonsense"});
}

TEST(CommandTest, ARetryWithItsIdIsRecordedOnce) {
  const std::string dir = FreshFolder("device");
  const json first = AppendLine(dir, "7", 1);
  const Arguments id = {"--intent-id", first["intent_id"].get<std::string>()};
  const json again = AppendLine(dir, "7", 1, id);
  EXPECT_EQ(again["count"], 1);
  EXPECT_EQ(again["repeated"], true);
  ExpectRefused({"device", "append", "--dir", dir, "OrderLineAdded", LinePayload("7", 9),
                 "--intent-id", id[1]},
                1, {id[1]});
}

TEST(CommandTest, LinesOfStandardInputAreOneBatch) {
  const std::string dir = FreshFolder("device");
  const Arguments arguments = {"device", "append", "--dir", dir, "OrderLineAdded", "-"};
  const std::string out =
      MustRun(arguments, LinePayload("1", 1) + "\n\n" + LinePayload("2", 2) + "\n");
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
  const Ran bad = RunIntentlog(arguments, LinePayload("3", 1) + "\n{\"order_id\": 4,}\n");
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.err, HasSubstr("line 2"));
  EXPECT_EQ(MustRunJson({"device", "status", "--dir", dir})["recorded"], 2);
}

TEST(CommandTest, AnApplicationsOwnEventTypeIsRecordedSyncedAndRead) {
  const std::string base = FreshFolder("own");
  const std::string file = base + "/points.fds", device = base + "/device";
  SchemaMaker maker("points.proto", "loyalty");
  maker.Event("PointsGiven", R"(entity: "customer" key: "customer_id" concurrent: COMMUTES)",
              {{"customer_id", 1, "string", "required: true"}, {"points", 2, "sint64", "min: 1"}});
  std::ofstream(file, std::ios::binary) << maker.Bytes();
  const auto append = [&](const std::string& type, const std::string& payload) {
    return Arguments{"device", "append", "--dir", device, "--schema", file, type, payload};
  };
  MustRun(append("PointsGiven", R"({"customer_id": "17", "points": 5})"));
  MustRun(append("StockMoved", R"({"product_id": "milk", "delta": 4})"));
  ExpectRefused(append("PointsGiven", R"({"customer_id": "17"})"), 1, {"points"});
  Serving server(base + "/data", {"--schema", file});
  MustRun({"device", "sync", "--dir", device, "--server", server.address(), "--schema", file});
  const json events =
      MustRunJson({"events", "read", "--server", server.address(), "--schema", file})["events"];
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["decision"], "accepted");
  EXPECT_EQ(events[0]["payload"]["points"], "5");
  EXPECT_EQ(MustRunJson({"view", "get", "stock", "milk", "--server", server.address()})["on_hand"],
            4);
}

TEST(CommandTest, ASchemaThatIsNoneIsRefused) {
  const std::string dir = FreshFolder("none");
  std::ofstream(dir + "/letter.txt") << "hello";
  ExpectRefused({"serve", "--data", dir + "/data", "--schema", dir + "/letter.txt"}, 1,
                {"letter.txt", "no descriptor set"});
  ExpectRefused({"serve", "--data", dir + "/data", "--schema", dir + "/absent"}, 1, {"absent"});
}

// ---- servers

TEST(CommandTest, NoServerIsSaidWithItsAddress) {
  const std::string dir = FreshFolder("device");
  AppendLine(dir, "1", 1);
  ExpectRefused({"view", "list", "--server", "127.0.0.1:1"}, 1,
                {"no server at 127.0.0.1:1", "connection refused"});
  ExpectRefused({"events", "read", "--server", "127.0.0.1"}, 1, {"HOST:PORT"});
  const Ran sync =
      RunIntentlog({"device", "sync", "--dir", dir, "--server", "127.0.0.1:1", "--wait", "300ms"});
  EXPECT_EQ(sync.exit_code, 1);
  EXPECT_THAT(sync.err, HasSubstr("not synced with 127.0.0.1:1"));
  EXPECT_EQ(MustRunJson({"device", "status", "--dir", dir})["pending"], 1);
}

// Ends with 1; the last line on stderr holds each of `words`.
void ExpectHeld(const Arguments& arguments, const std::vector<std::string>& words) {
  const Ran ran = RunIntentlog(arguments);
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  const size_t before_last = ran.err.rfind('\n', ran.err.size() - 2);
  const std::string last = before_last == std::string::npos ? ran.err : ran.err.substr(before_last);
  for (const std::string& word : words) EXPECT_THAT(last, HasSubstr(word));
}

TEST(CommandTest, AMachinesNetworkAndBatterySayWhatIsSynced) {
  const std::string base = FreshFolder("policy");
  const std::string dir = base + "/device", sysfs = base + "/sys";
  const auto tell = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(sysfs + "/" + path).parent_path());
    std::ofstream(sysfs + "/" + path) << text << "\n";
  };
  tell("class/net/wwan0/type", "519");
  tell("class/net/wwan0/operstate", "up");
  MustRun({"device", "append", "--dir", dir, "--class", "2", "ProductDescribed",
           R"({"product_id": "milk", "description": "a photo"})"});
  AppendLine(dir, "1", 1);
  Serving server(base + "/data");
  const auto sync = [&](const std::string& policy) {
    return Arguments{"device",         "sync",     "--dir", dir,       "--server",
                     server.address(), "--policy", policy,  "--sysfs", sysfs};
  };
  ExpectHeld(sync("normal"), {"intentlog device sync: ", "network without a meter"});
  json status = MustRunJson({"device", "status", "--dir", dir});
  EXPECT_EQ(status["synced"], 1);
  EXPECT_EQ(status["logs"][1]["pending"], 1);
  EXPECT_EQ(MustRunJson({"device", "why", "product/milk", "--dir", dir})["kind"], "sync-stopped");
  tell("class/net/wlan0/type", "1");
  tell("class/net/wlan0/operstate", "up");
  tell("class/power_supply/BAT0/type", "Battery");
  tell("class/power_supply/BAT0/status", "Discharging");
  tell("class/power_supply/BAT0/capacity", "11");
  ExpectHeld(sync("charging-only"), {"charger", "11 %"});
  MustRun(sync("manual"));  // who runs it asks
  EXPECT_EQ(MustRunJson({"device", "status", "--dir", dir})["synced"], 2);
  ExpectRefused(sync("sometimes"), 2, {"--policy"});
}

TEST(CommandTest, AnAddressThatOthersReachNeedsConsent) {
  ExpectRefused({"serve", "--data", FreshFolder("data"), "--listen", "0.0.0.0:0"}, 1,
                {"0.0.0.0:0", "--insecure"});
}

TEST(CommandTest, APortOrAFolderInUseIsOneClearLine) {
  const std::string data = FreshFolder("data");
  Serving server(data);
  ExpectRefused({"serve", "--data", FreshFolder("other"), "--listen", server.address()}, 1,
                {server.address(), "another program listens there"});
  ExpectRefused({"serve", "--data", data, "--listen", "127.0.0.1:0"}, 1, {data, "in use"});
  ExpectRefused({"events", "read", "--dir", data}, 1, {"in use", "--server"});
  EXPECT_EQ(server.Stop(SIGINT), 0);
}

TEST(CommandTest, WhatIsUnknownOnAServerIsNamed) {
  const std::string base = FreshFolder("unknown");
  AppendLine(base + "/device", "1", 1);
  Serving server(base + "/data");
  MustRun({"device", "sync", "--dir", base + "/device", "--server", server.address()});
  ExpectRefused({"view", "dump", "sales_by_moon", "--server", server.address()}, 1,
                {"sales_by_moon", "sales_by_month"});
  ExpectRefused({"view", "get", "orders", "99", "--server", server.address()}, 1, {"99"});
  ExpectRefused({"events", "stats", "--server", server.address(), "--tenant", "nobody"}, 1,
                {"nobody"});
}

// ---- the whole way

TEST(CommandTest, I17_TwoDevicesAndTheServerHoldEqualReadModels) {
  const std::string base = FreshFolder("whole");
  const std::string data = base + "/server";
  const Arguments devices = {base + "/device-1", base + "/device-2"};
  for (int i = 0; i < 6; ++i) AppendLine(devices[i % 2], std::to_string(i % 3), i + 1);
  std::string dump, digests;
  {
    Serving server(data);
    for (const std::string& dir : {devices[0], devices[1], devices[0]}) {
      MustRun({"device", "sync", "--dir", dir, "--server", server.address()});
    }
    dump = MustRun({"view", "dump", "sales_by_invoice", "--tsv", "--server", server.address()});
    EXPECT_EQ(std::count(dump.begin(), dump.end(), '\n'), 3);
    const json stats = MustRunJson({"events", "stats", "--server", server.address()});
    EXPECT_EQ(stats["head"], 6);
    EXPECT_EQ(stats["decisions"]["accepted"].get<int>() + stats["decisions"]["merged"].get<int>(),
              6);
    digests = MustRunJson({"view", "digest", "--server", server.address()}).dump();
    EXPECT_EQ(MustRunJson({"events", "verify", "--server", server.address()})["ok"], true);
    EXPECT_EQ(MustRunJson({"events", "read", "--from", "3", "--limit", "2", "--server",
                           server.address()})["events"]
                  .size(),
              2u);
    EXPECT_EQ(server.Stop(SIGTERM), 0);
  }
  EXPECT_EQ(MustRun({"view", "dump", "sales_by_invoice", "--tsv", "--dir", data}), dump);
  EXPECT_EQ(MustRunJson({"view", "digest", "--dir", data}).dump(), digests);
  EXPECT_EQ(MustRunJson({"events", "verify", "--dir", data})["ok"], true);
  for (const std::string& dir : devices) {
    EXPECT_EQ(MustRun({"view", "dump", "sales_by_invoice", "--tsv", "--dir", dir}), dump);
    EXPECT_EQ(MustRunJson({"device", "status", "--dir", dir})["synced"], 3);
    EXPECT_EQ(MustRunJson({"events", "read", "--dir", dir})["events"].size(), 6u);
    EXPECT_EQ(MustRunJson({"events", "verify", "--dir", dir})["ok"], true);
  }
}

TEST(CommandTest, I7_AServerThatIsKilledAndStartedAgainHasAllThatWasReceipted) {
  const std::string base = FreshFolder("again");
  const std::string device = base + "/device", data = base + "/server";
  AppendLine(device, "1", 1);
  {
    Serving server(data);
    MustRun({"device", "sync", "--dir", device, "--server", server.address()});
    server.Stop(SIGKILL);
  }
  AppendLine(device, "2", 2);
  Serving server(data);
  MustRun({"device", "sync", "--dir", device, "--server", server.address()});
  EXPECT_EQ(MustRunJson({"events", "stats", "--server", server.address()})["head"], 2);
  EXPECT_EQ(MustRun({"view", "dump", "orders", "--tsv", "--server", server.address()}),
            MustRun({"view", "dump", "orders", "--tsv", "--dir", device}));
}

TEST(CommandTest, I30_ABackupIsRestoredAndTheDeviceBringsBackWhatItLacks) {
  const std::string base = FreshFolder("restore");
  const std::string device = base + "/device", data = base + "/server";
  const std::string backups = base + "/backups", again = base + "/again";
  AppendLine(device, "1", 1);
  {
    Serving server(data);
    MustRun({"device", "sync", "--dir", device, "--server", server.address()});
    const json backup = MustRunJson({"backup", "--server", server.address(), "--to", backups});
    EXPECT_EQ(backup["tenants"][0]["position"], 1);
    ExpectRefused({"backup", "--data", data, "--to", backups}, 1, {"in use", "--server"});
    AppendLine(device, "2", 2);
    MustRun({"device", "sync", "--dir", device, "--server", server.address()});
    server.Stop(SIGKILL);
  }
  ExpectRefused({"restore", "--from", backups, "--data", data}, 1, {"holds something already"});
  ExpectRefused({"restore", "--from", base + "/none", "--data", again}, 1, {base + "/none"});
  const json restored = MustRunJson({"restore", "--from", backups, "--data", again});
  EXPECT_EQ(restored["tenants"][0]["epoch"], 2);
  EXPECT_EQ(MustRunJson({"events", "verify", "--dir", again})["head"], 1);
  AppendLine(device, "3", 3);
  Serving server(again);
  MustRun({"device", "sync", "--dir", device, "--server", server.address()});
  const json stats = MustRunJson({"events", "stats", "--server", server.address()});
  EXPECT_EQ(stats["head"], 3);
  EXPECT_EQ(stats["healing"]["returned"], 1);
  EXPECT_EQ(stats["healing"]["over"], true);
  EXPECT_THAT(MustRun({"fleet", "heal", "--server", server.address()}), HasSubstr("nothing waits"));
  EXPECT_EQ(MustRun({"view", "dump", "orders", "--tsv", "--server", server.address()}),
            MustRun({"view", "dump", "orders", "--tsv", "--dir", device}));
  EXPECT_EQ(MustRunJson({"device", "status", "--dir", device})["synced"], 3);
}

}  // namespace
}  // namespace intentlog
