// A conflict and its decision as a person at a device meets them: what is shown side by side, and
// one clear line for each mistake.
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

using Arguments = std::vector<std::string>;

// Two tills set a price for milk without seeing each other; till-2 comes second.
class DecideCommandTest : public testing::Test {
 protected:
  DecideCommandTest()
      : base_(FreshFolder("decide")),
        one_(base_ + "/till-1"),
        two_(base_ + "/till-2"),
        server_({"serve", "--data", base_ + "/server", "--listen", "127.0.0.1:0",
                 "--digest-interval", "20ms", "--json"}) {
    address_ = json::parse(server_.ReadLine(), nullptr, false).value("address", "");
    SetPrice(one_, "milk", 1000000);
    Sync(one_);
    SetPrice(two_, "tea", 1);
    Sync(two_);
    SetPrice(one_, "milk", 1200000);
    intent_ = SetPrice(two_, "milk", 1500000);
    for (const std::string& dir : {one_, two_, one_}) Sync(dir);
  }
  ~DecideCommandTest() override { EXPECT_EQ(server_.Stop(SIGTERM), 0); }

  static std::string Run(const Arguments& arguments) {
    const Ran ran = RunIntentlog(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return ran.out;
  }
  static json RunJson(Arguments arguments) {
    arguments.push_back("--json");
    return json::parse(Run(arguments), nullptr, /*allow_exceptions=*/false);
  }
  static std::string Price(const std::string& product, int64_t micros) {
    return json{{"product_id", product}, {"price_micros", micros}}.dump();
  }
  // Returns the intent's id.
  static std::string SetPrice(const std::string& dir, const std::string& product, int64_t micros) {
    const std::string name = dir.substr(dir.rfind('/') + 1);
    return RunJson({"device", "append", "--dir", dir, "--device", name, "PriceSet",
                    Price(product, micros)})
        .value("intent_id", "");
  }
  void Sync(const std::string& dir) {
    Run({"device", "sync", "--dir", dir, "--server", address_, "--json"});
  }
  // Exit code 1, or 2 for wrong usage; one line that holds `words`.
  void ExpectRefused(const Arguments& more, int code, const std::string& words) {
    Arguments arguments = {"device", more[0], "--dir", two_};
    arguments.insert(arguments.end(), more.begin() + 1, more.end());
    const Ran ran = RunIntentlog(arguments);
    EXPECT_EQ(ran.exit_code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(words));
  }

  const std::string base_, one_, two_;
  Background server_;
  std::string address_, intent_;
};

TEST_F(DecideCommandTest, AConflictIsShownSideBySideOnBothDevices) {
  const std::string shown = Run({"device", "conflicts", "--dir", two_});
  EXPECT_THAT(shown, HasSubstr("conflict 4  product/milk  recorded by this device, since "));
  EXPECT_THAT(shown, ContainsRegex("mine .PriceSet at 4, own. +theirs .PriceSet at 3. +base"));
  EXPECT_THAT(shown, ContainsRegex("[*] +price_micros +1500000 +1200000 +1000000"));
  EXPECT_THAT(shown, HasSubstr("device resolve --dir " + two_ + " 4 apply|drop|replace"));
  EXPECT_THAT(Run({"device", "conflicts", "--dir", one_}), HasSubstr("recorded by another device"));
  const json conflicts = RunJson({"device", "conflicts", "--dir", one_})["conflicts"];
  ASSERT_EQ(conflicts.size(), 1u);
  const json& one = conflicts[0];
  EXPECT_EQ(one["position"], 4);
  EXPECT_EQ(one["entity"], "product/milk");
  EXPECT_EQ(one["rule"], "review");
  EXPECT_EQ(one["mine"]["payload"]["price_micros"], "1500000");
  EXPECT_EQ(one["theirs"]["payload"]["price_micros"], "1200000");
  EXPECT_EQ(one["theirs"]["own"], true);
  EXPECT_EQ(one["base"]["payload"]["price_micros"], "1000000");
  EXPECT_EQ(one["said"], nullptr);
}

TEST_F(DecideCommandTest, AMistakeIsOneClearLine) {
  ExpectRefused({"resolve"}, 2, "POSITION");
  ExpectRefused({"resolve", "milk", "drop"}, 2, "\"milk\" is no position");
  ExpectRefused({"resolve", "4", "maybe"}, 2, "there are: apply, drop, replace");
  ExpectRefused({"resolve", "4", "replace"}, 2, "replace needs the JSON");
  ExpectRefused({"resolve", "4", "apply", "{}"}, 2, "apply takes no JSON");
  ExpectRefused({"resolve", "4", "apply", "--followers-too"}, 2, "goes with drop");
  ExpectRefused({"resolve", "4", "replace", "{"}, 1, "does not fit");
  ExpectRefused({"resolve", "4", "replace", Price("tea", 1)}, 1, "the replacement is about");
  ExpectRefused({"resolve", "4", "replace", Price("milk", -1)}, 1, "price_micros");
  ExpectRefused({"resolve", "99", "drop"}, 1, "sync first");
  ExpectRefused({"resolve", "1", "drop"}, 1, "no conflict at position 1");
  ExpectRefused({"amend", intent_, Price("milk", 1)}, 1, "it is conflicted at position 4");
  ExpectRefused({"dismiss", intent_}, 1, "it is conflicted at position 4; resolve that");
  ExpectRefused({"dismiss", "milk"}, 1, "milk");
  ExpectRefused({"show", "--state", "lost"}, 2, "lost");
  EXPECT_EQ(RunJson({"device", "status", "--dir", two_})["recorded"], 2);
}

TEST_F(DecideCommandTest, ADecisionIsRecordedOfflineAndShown) {
  EXPECT_THAT(Run({"device", "status", "--dir", two_}), HasSubstr("device conflicts shows them"));
  const json failed = RunJson({"device", "show", "--dir", two_, "--state", "conflicted"});
  ASSERT_EQ(failed["intents"].size(), 1u);
  EXPECT_THAT(failed["intents"][0].value("note", ""), HasSubstr("resolve 4"));
  const json said =
      RunJson({"device", "resolve", "--dir", two_, "4", "replace", Price("milk", 1300000)});
  EXPECT_EQ(said["count"], 3);
  EXPECT_THAT(Run({"device", "conflicts", "--dir", two_}), HasSubstr("a decision is on its way"));
  ExpectRefused({"resolve", "4", "drop"}, 1, "is on its way already");
  const json shown = RunJson({"device", "show", "--dir", two_, said.value("intent_id", "")});
  EXPECT_EQ(shown["state"], "pending");
  EXPECT_EQ(shown["payload"]["verdict"], "replace");
  EXPECT_EQ(shown["payload"]["replacement"]["price_micros"], "1300000");
}

}  // namespace
}  // namespace intentlog
