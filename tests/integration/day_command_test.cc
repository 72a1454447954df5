// The day of the story "conflicts", through real processes; then what its people and its operator
// would type next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace intentlog {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

using Arguments = std::vector<std::string>;

// The day is told once; each test looks at what it left, and the last one changes it.
class DayCommandTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    base_ = new std::string(FreshFolder("day") + "/told");
    const Ran ran = RunIntentlog(
        {"demo", "--story", "conflicts", "--devices", "3", "--dir", *base_, "--keep", "--json"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    told_ = new json(json::parse(ran.out, nullptr, /*allow_exceptions=*/false));
    server_ = new Background({"serve", "--data", *base_ + "/server", "--listen", "127.0.0.1:0",
                              "--digest-interval", "20ms", "--json"});
    address_ = new std::string(
        json::parse(server_->ReadLine(), nullptr, /*allow_exceptions=*/false).value("address", ""));
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(server_->Stop(SIGTERM), 0);
    delete server_;
  }

  static std::string Run(const Arguments& arguments) {
    const Ran ran = RunIntentlog(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  }
  static json RunJson(Arguments arguments) {
    arguments.push_back("--json");
    return json::parse(Run(arguments), nullptr, /*allow_exceptions=*/false);
  }
  static std::string Fleet(Arguments more) { return Run(FleetArguments(std::move(more))); }
  static json FleetJson(Arguments more) { return RunJson(FleetArguments(std::move(more))); }
  static Arguments FleetArguments(Arguments more) {
    more.insert(more.begin(), "fleet");
    more.insert(more.end(), {"--server", *address_});
    return more;
  }
  static void ExpectRefused(const Arguments& arguments, int code, const std::string& words) {
    const Ran ran = RunIntentlog(arguments);
    EXPECT_EQ(ran.exit_code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(words));
  }
  static std::string Dir(int device) { return *base_ + "/device-" + std::to_string(device); }

  static std::string* base_;
  static json* told_;
  static Background* server_;
  static std::string* address_;
};

std::string* DayCommandTest::base_ = nullptr;
json* DayCommandTest::told_ = nullptr;
Background* DayCommandTest::server_ = nullptr;
std::string* DayCommandTest::address_ = nullptr;

TEST_F(DayCommandTest, A_TheStoryCountsEveryDecisionAndAccountsForEveryIntent) {
  const json& told = *told_;
  EXPECT_EQ(told["converged"], true) << told["problems"];
  EXPECT_EQ(told["lost"], 0);
  EXPECT_EQ(told["doubled"], 0);
  for (const char* const decision :
       {"accepted", "merged", "rejected", "duplicate", "conflicted", "parked"}) {
    EXPECT_GT(told["decisions"][decision], 0) << decision;
  }
  for (const json& device : told["devices"]) {
    int standing = 0;
    for (const json& intents : device["standing"]) standing += intents.get<int>();
    EXPECT_EQ(device["recorded"], standing) << device["id"];
    EXPECT_EQ(device["recorded"].get<int>(),
              device["synced"].get<int>() + device["pending"].get<int>() +
                  device["failed"].get<int>() + device["conflicted"].get<int>());
    EXPECT_EQ(device["digests"]["compared"], device["digests"]["equal"]);
  }
  EXPECT_EQ(told["open"]["conflicted"], 1);
}

TEST_F(DayCommandTest, B_AnOperatorSeesWhoIsWellAndWhatWaitsForAPerson) {
  const json devices = FleetJson({"list"})["devices"];
  ASSERT_EQ(devices.size(), 3u);
  const std::string list = Fleet({"list"});
  EXPECT_THAT(list, ContainsRegex("device-1 +healthy"));
  EXPECT_THAT(list, HasSubstr("device-2"));
  EXPECT_THAT(Fleet({"show", "device-3"}), ContainsRegex("skew_ms +(239|240)"));  // its clock
  const json conflicts = FleetJson({"conflicts"})["conflicts"];
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0]["entity"], "order/21");
  EXPECT_THAT(Fleet({"why", "device-2"}), HasSubstr("device-2"));
}

TEST_F(DayCommandTest, C_AnOperatorsMistakeIsOneClearLine) {
  ExpectRefused(FleetArguments({"show", "device-9"}), 1, "device-9");
  ExpectRefused(FleetArguments({"resolve", "1", "drop"}), 1, "1");
  ExpectRefused(FleetArguments({"resolve", "milk", "drop"}), 2, "milk");
  ExpectRefused({"fleet", "list", "--server", "127.0.0.1:1"}, 1, "127.0.0.1:1");
  ExpectRefused({"fleet", "list", "--server", "nowhere"}, 1, "HOST:PORT");
}

TEST_F(DayCommandTest, D_TheRulesAreATableAndTriedOnTheDayTheyChangeNothing) {
  const std::string rules = Run({"rules", "show"});
  for (const char* const word : {"PriceSet", "review", "VoucherRedeemed", "first_writer_wins"}) {
    EXPECT_THAT(rules, HasSubstr(word));
  }
  ExpectRefused({"rules", "try", "--schema", "/none.binpb", "--dir", *base_ + "/server"}, 1,
                "/none.binpb");
}

TEST_F(DayCommandTest, E_AViewIsRebuiltBesideTheLiveOneComparedSwitchedAndRolledBack) {
  const auto view = [](Arguments more) {
    more.insert(more.begin(), "view");
    more.insert(more.end(), {"--server", *address_});
    return more;
  };
  const std::string before = Run(view({"dump", "stock", "--tsv"}));
  ExpectRefused(view({"compare", "stock"}), 1, "no rebuilt one");
  ExpectRefused(view({"activate", "stock"}), 1, "rebuild it");
  ExpectRefused(view({"rebuild", "shelf"}), 1, "shelf");
  ExpectRefused(view({"rebuild"}), 2, "NAME");
  const json live = RunJson(view({"rebuild", "stock", "--workers", "2"}))["live"];
  EXPECT_THAT(Run(view({"compare", "stock"})), HasSubstr("equal"));
  ExpectRefused(view({"rebuild", "stock"}), 1, "compare, activate or cancel it");
  const json switched = RunJson(view({"activate", "stock"}));
  EXPECT_EQ(switched["previous"], live);
  EXPECT_NE(switched["live"], live);
  EXPECT_EQ(Run(view({"dump", "stock", "--tsv"})), before);
  EXPECT_EQ(RunJson(view({"rollback", "stock"}))["live"], live);
  Run(view({"rebuild", "orders"}));
  EXPECT_THAT(Run(view({"cancel", "orders"})), Not(HasSubstr("beside it")));
}

TEST_F(DayCommandTest, F_TheLastConflictIsShownResolvedAndGone) {
  const std::string shown = Run({"device", "conflicts", "--dir", Dir(2)});
  EXPECT_THAT(shown, HasSubstr("order/21"));
  EXPECT_THAT(shown, ContainsRegex("customer_id +bob +ann"));
  const std::string position = std::to_string(
      RunJson({"device", "conflicts", "--dir", Dir(2)})["conflicts"][0]["position"].get<int>());
  EXPECT_THAT(Run({"device", "status", "--dir", Dir(2)}), HasSubstr("conflict"));
  Run({"device", "resolve", "--dir", Dir(2), position, "drop"});
  Run({"device", "sync", "--dir", Dir(2), "--server", *address_});
  EXPECT_THAT(Run({"device", "conflicts", "--dir", Dir(2)}), Not(HasSubstr("order/21")));
  const json status = RunJson({"device", "status", "--dir", Dir(2)});
  EXPECT_EQ(status["conflicted"], 0);
  EXPECT_EQ(status["recorded"], status["synced"]);
  EXPECT_EQ(FleetJson({"conflicts"})["conflicts"].size(), 0u);
  EXPECT_THAT(Run({"events", "verify", "--server", *address_}), HasSubstr("well"));
}

}  // namespace
}  // namespace intentlog
