// The day of the story "conflicts", through real processes; then what its people and its operator
// would type next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/store/store.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/view_records.h"
#include "proto/store.pb.h"
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
    std::filesystem::copy(*base_ + "/server", Copy(), std::filesystem::copy_options::recursive);
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
  static Arguments View(Arguments more, const Arguments& place = {"--server", *address_}) {
    more.insert(more.begin(), "view");
    more.insert(more.end(), place.begin(), place.end());
    return more;
  }
  // Of the server's folder, which nothing runs on.
  static std::string Copy() { return *base_ + "-copy"; }
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
  const auto view = [](const Arguments& more) { return View(more); };
  const std::string before = Run(view({"dump", "stock", "--tsv"}));
  ExpectRefused(view({"compare", "stock"}), 1, "no rebuilt one");
  ExpectRefused(view({"activate", "stock"}), 1, "rebuild it");
  ExpectRefused(view({"rebuild", "shelf"}), 1, "shelf");
  ExpectRefused(view({"rebuild"}), 2, "NAME");
  const json live = RunJson(view({"rebuild", "stock", "--workers", "2"}))["live"];
  EXPECT_THAT(Run(view({"compare", "stock"})), HasSubstr("equal"));
  ExpectRefused(view({"rebuild", "stock"}), 1, "compare, activate or cancel it");
  const json switched = RunJson(view({"activate", "stock"}));
  EXPECT_EQ(switched["previous"]["build"], live["build"]);
  EXPECT_FALSE(std::string(switched["previous"]["until"]).empty());
  EXPECT_NE(switched["live"], live);
  EXPECT_EQ(Run(view({"dump", "stock", "--tsv"})), before);
  EXPECT_EQ(RunJson(view({"rollback", "stock"}))["live"], live);
  Run(view({"rebuild", "orders"}));
  EXPECT_THAT(Run(view({"cancel", "orders"})), Not(HasSubstr("beside it")));
}

TEST_F(DayCommandTest, F_AViewIsShownAsItWasAtAPositionOrAMomentByServerFolderAndDevice) {
  const Arguments copy = {"--dir", Copy()}, device = {"--dir", Dir(1)};
  const json events = RunJson({"events", "read", "--server", *address_})["events"];
  const std::string head = std::to_string(events.size());
  const std::string before = Run(View({"dump", "conflicts", "--tsv", "--at", "22"}));
  EXPECT_EQ(Run(View({"dump", "conflicts", "--tsv", "--at", "22"}, copy)), before);
  EXPECT_EQ(Run(View({"dump", "conflicts", "--tsv", "--at", "22"}, device)), before);
  const std::string now = Run(View({"dump", "conflicts", "--tsv"}));
  EXPECT_NE(before, now);
  EXPECT_EQ(Run(View({"dump", "conflicts", "--tsv", "--at", head})), now);
  EXPECT_EQ(Run(View({"dump", "conflicts", "--tsv", "--at-time", "2999-01-01T00:00:00Z"})), now);

  const int64_t millis = events[9]["time_us"].get<int64_t>() / 1000 + 1;
  const auto last = std::find_if(events.rbegin(), events.rend(), [&](const json& event) {
    return event["time_us"].get<int64_t>() <= millis * 1000;
  });
  const std::string then = std::to_string((*last)["position"].get<int>());
  EXPECT_EQ(RunJson(View({"digest", "stock", "--at-time", std::to_string(millis)})),
            RunJson(View({"digest", "stock", "--at", then}, copy)));
  const json digest = RunJson(View({"digest", "stock", "--at", then}, device))["views"];
  ASSERT_EQ(digest.size(), 1u);
  EXPECT_EQ(digest[0]["scopes"][0]["position"], (*last)["position"]);
  EXPECT_EQ(RunJson(View({"get", "stock", "milk", "--at", head})),
            RunJson(View({"get", "stock", "milk"})));

  const std::string beyond = std::to_string(events.size() + 1);
  const std::string ends = "position " + beyond + " is beyond the head of the log, " + head;
  ExpectRefused(View({"dump", "stock", "--json", "--at", beyond}), 1, ends);
  ExpectRefused(View({"get", "stock", "milk", "--at", beyond}, copy), 1, ends);
  ExpectRefused(View({"digest", "--at", beyond}, device), 1,
                "has scope \"shared\" through position");
  ExpectRefused(View({"get", "stock", "milk", "--at", "1", "--at-time", "1"}), 2, "exclude");
  ExpectRefused(View({"get", "stock", "milk", "--at-time", "noon"}), 2, "\"noon\" is no moment");
  ExpectRefused(View({"dump", "shelf", "--at", "1"}), 1, "no view \"shelf\"; there are: ");
}

// Makes the live rows of a view of a server's folder what no fold gave: of its first row the value
// becomes that of the last one, and the last one goes to another key.
void SpoilRows(const std::string& dir, const std::string& view) {
  StoreOptions options;
  options.role = "server-views";
  const auto store = *Store::Open(dir + "/views/default", options);
  const BuildId build = (*ReadViewRecord(*store, view))->build();
  const std::string prefix = RowPrefix(build, "shared");
  std::vector<std::pair<std::string, std::string>> rows;
  const auto cursor = store->Scan(Space::kRows);
  for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    rows.emplace_back(cursor->key(), cursor->value());
  }
  ASSERT_GE(rows.size(), 2u);
  StoreBatch batch;
  batch.Put(Space::kRows, rows.front().first, rows.back().second);
  batch.Delete(Space::kRows, rows.back().first);
  batch.Put(Space::kRows, prefix + "zinc", rows.back().second);
  std::string bytes;
  ASSERT_TRUE(*store->Get(Space::kMeta, CheckpointKey(build, "shared"), &bytes));
  Checkpoint checkpoint;
  ASSERT_TRUE(checkpoint.ParseFromString(bytes));
  checkpoint.set_digest(std::string(16, 'x'));
  batch.Put(Space::kMeta, CheckpointKey(build, "shared"), checkpoint.SerializeAsString());
  ASSERT_TRUE(store->Commit(batch, Sync::kDurable).ok());
}

TEST_F(DayCommandTest, G_AViewIsTriedAndWhereItDiffersFromTheLiveRowsIsShown) {
  const Arguments copy = {"--dir", Copy()};
  EXPECT_THAT(Run(View({"try", "stock", "--from", "5"})), ContainsRegex("^equal: 2 rows through"));
  EXPECT_THAT(Run(View({"try", "orders", "--from", "0"}, {"--dir", Dir(1)})), HasSubstr("equal: "));
  EXPECT_EQ(RunJson(View({"try", "conflicts", "--from", "9"}, copy))["equal"], true);
  ExpectRefused(View({"try", "stock", "--from", "9999"}), 1, "beyond the head of the log");
  ExpectRefused(View({"try", "stock"}), 2, "--from POSITION");

  SpoilRows(Copy(), "stock");
  const Ran ran = RunIntentlog(View({"try", "stock", "--from", "5", "--json"}, copy));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "");
  const json tried = json::parse(ran.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_EQ(tried["equal"], false);
  EXPECT_EQ(tried["different"], 1);
  EXPECT_EQ(tried["live"]["alone"], 1);
  EXPECT_EQ(tried["tried"]["alone"], 1);
  ASSERT_EQ(tried["differences"].size(), 3u);
  EXPECT_EQ(tried["differences"][0]["key"], "milk");
  EXPECT_EQ(tried["differences"][0]["live"], tried["differences"][1]["tried"]);
  EXPECT_EQ(tried["differences"][1]["live"], nullptr);
  EXPECT_EQ(tried["differences"][2]["tried"], nullptr);
  const Ran text = RunIntentlog(View({"try", "stock", "--from", "5", "--limit", "1"}, copy));
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, ContainsRegex("milk +on_hand"));
  EXPECT_THAT(text.out, HasSubstr("and 2 more: --limit shows them"));
}

// Of what `view compare` shows of the spoilt folder.
void ExpectEventsOfDifferences(const json& compared) {
  EXPECT_EQ(compared["equal"], false);
  ASSERT_EQ(compared["differences"].size(), 3u);
  const json& milk = compared["differences"][0];
  EXPECT_EQ(milk["key"], "milk");
  EXPECT_NE(milk["live"], milk["shadow"]);
  ASSERT_EQ(milk["events"].size(), milk["events_touching"]) << milk;
  EXPECT_GE(milk["events"].size(), 2u);
  int before = 0;
  for (const json& event : milk["events"]) {
    EXPECT_GT(event["position"], before);
    before = event["position"].get<int>();
    EXPECT_NE(event.dump().find("milk"), std::string::npos) << event;
    EXPECT_EQ(event["intent_id"].get<std::string>().size(), 36u);
  }
  EXPECT_EQ(compared["differences"][2]["key"], "zinc");
  EXPECT_EQ(compared["differences"][2]["shadow"], "(no row)");
  EXPECT_EQ(compared["differences"][2]["events"].size(), 0u);
}

// The folder is the one that the test before has spoilt.
TEST_F(DayCommandTest, GA_WhereARebuiltViewDiffersTheEventsOfTheRowAreNamed) {
  const Arguments copy = {"--dir", Copy()};
  EXPECT_EQ(RunJson(View({"rebuild", "stock"}, copy))["shadow"]["ready"], true);
  const Ran ran = RunIntentlog(View({"compare", "stock", "--json"}, copy));
  EXPECT_EQ(ran.exit_code, 1);
  ExpectEventsOfDifferences(json::parse(ran.out, nullptr, /*allow_exceptions=*/false));
  Background server({"serve", "--data", Copy(), "--listen", "127.0.0.1:0", "--json"});
  const Arguments running = {"--server",
                             json::parse(server.ReadLine(), nullptr, false).value("address", "")};
  const Ran asked = RunIntentlog(View({"compare", "stock", "--json"}, running));
  ExpectEventsOfDifferences(json::parse(asked.out, nullptr, /*allow_exceptions=*/false));
  const Ran text =
      RunIntentlog(View({"compare", "stock", "--differences", "1", "--events", "1"}, running));
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, ContainsRegex("shared/\"milk\"\n  live .*\n  rebuilt .*\n  [0-9]+ events "
                                      "touched it, the last 1:\n"));
  EXPECT_EQ(server.Stop(SIGTERM), 0);
}

TEST_F(DayCommandTest, H_TheLastConflictIsShownResolvedAndGone) {
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
