// A server that takes on a newer schema while it runs, and refuses one that lacks what its log
// holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eventlog/schema/schema_maker.h"
#include "tests/integration/process.h"

namespace intentlog {
namespace {

using nlohmann::json;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

json RunJson(Arguments arguments) {
  arguments.push_back("--json");
  const Ran ran = RunIntentlog(arguments);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  return json::parse(ran.out, nullptr, /*allow_exceptions=*/false);
}

// A descriptor set with the first so many of three types.
void Write(const std::string& file, int types) {
  SchemaMaker maker("points.proto", "loyalty");
  for (const char* const name : {"PointsGiven", "PointsTaken", "PointsMoved"}) {
    if (types-- == 0) break;
    maker.Event(name, R"(entity: "customer" key: "customer_id" concurrent: COMMUTES)",
                {{"customer_id", 1, "string", ""}, {"points", 2, "sint64", ""}});
  }
  std::ofstream(file, std::ios::binary) << maker.Bytes();
}

TEST(SchemaCommandTest, AHangupMakesAServerReadItsSchemaAgain) {
  const std::string base = FreshFolder("schema");
  const std::string servers = base + "/servers.fds", newest = base + "/newest.fds";
  const std::string device = base + "/device";
  Write(servers, 1);
  Write(newest, 3);
  Background server({"serve", "--data", base + "/data", "--schema", servers, "--listen",
                     "127.0.0.1:0", "--json"});
  const std::string address = json::parse(server.ReadLine(), nullptr, false).value("address", "");
  const auto append = [&](const std::string& type) {
    RunJson({"device", "append", "--dir", device, "--schema", newest, type,
             R"({"customer_id": "17", "points": 5})"});
  };
  // Decisions and settlements in the log, as words.
  const auto sync = [&] {
    RunJson({"device", "sync", "--dir", device, "--server", address, "--schema", newest});
    const json events =
        RunJson({"events", "read", "--server", address, "--schema", newest})["events"];
    std::string words;
    for (const json& event : events) words += event["decision"].get<std::string>() + " ";
    return words;
  };
  append("PointsGiven");
  append("PointsTaken");
  EXPECT_EQ(sync(), "accepted parked ");
  Write(servers, 2);
  kill(server.pid(), SIGHUP);
  std::string words;
  for (int tries = 0; tries < 100 && !words.ends_with(" accepted "); ++tries) words = sync();
  EXPECT_THAT(words, testing::StartsWith("accepted parked "));
  EXPECT_TRUE(words.ends_with(" accepted ")) << words;  // the settlement
  EXPECT_EQ(RunJson({"device", "status", "--dir", device})["synced"], 2);
  // One that lacks a type is refused, and the server goes on by the one before.
  Write(servers, 1);
  kill(server.pid(), SIGHUP);
  append("PointsTaken");
  EXPECT_TRUE(sync().ends_with(" accepted "));
  EXPECT_EQ(server.Stop(SIGTERM), 0);
  const Ran refused = RunIntentlog({"serve", "--data", base + "/data", "--schema", servers});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("the schema lacks loyalty.PointsTaken"));
}

}  // namespace
}  // namespace intentlog
