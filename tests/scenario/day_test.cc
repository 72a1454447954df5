// A day of a shop: the front till is online; a market stall and a van are not, and the van's clock
// is 40 minutes ahead. Every rule of the shop occurs, people decide about what is left, and every
// intent is accounted for.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>

#include "eventlog/runtime/text.h"
#include "proto/views.pb.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/lanes.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

// A device's intents by what became of them, as it says itself.
struct Account {
  std::map<Decision, int> by_decision;  // as they stand
  int recorded = 0;

  int Of(Decision decision) const {
    const auto found = by_decision.find(decision);
    return found == by_decision.end() ? 0 : found->second;
  }
};

class Day : public testing::Test {
 protected:
  Day() {
    shared_.scope = "shared";
    world_.StartServer();
    world_.SetWallClock("van", absl::Minutes(40));
    for (const char* const name : {"front", "stall", "van"}) world_.AddDevice(name, true);
    Quiet();
  }
  // Everybody is online, and all is settled.
  void Quiet() { ASSERT_TRUE(world_.RunUntilQuiet()); }
  // Those who are online settle all.
  void Pause() { world_.RunFor(absl::Minutes(10)); }
  void Record(const std::string& what, const std::string& device,
              const google::protobuf::Message& event) {
    done_[what] = {device, world_.Append(device, event, shared_)};
    world_.RunFor(absl::Minutes(1));
  }
  Client::RecordedIntent Now(const std::string& what) {
    const auto& [device, appended] = done_.at(what);
    const auto found = world_.device(device).Find(appended.intent_id);
    EXPECT_TRUE(found.ok()) << what << ": " << found.status();
    return found.ok() ? *found : Client::RecordedIntent();
  }
  void ExpectDecided(const std::string& what, Decision decision) {
    EXPECT_EQ(Decision_Name(Now(what).decision), Decision_Name(decision))
        << what << ": " << Now(what).reason.text();
  }
  // A person at `device` decides about `what`.
  void Decide(const std::string& device, const std::string& what, Verdict verdict,
              const google::protobuf::Message* replacement = nullptr) {
    DecideOptions options;
    options.replacement = replacement;
    const auto said = world_.Resolve(device, Now(what).position, verdict, options);
    ASSERT_TRUE(said.ok()) << what << ": " << said.status();
    done_[Cat(device, " decides about ", what)] = {device, *said};
  }
  Account AccountOf(const std::string& device) {
    Account account;
    for (const auto& [place, id] : world_.acknowledged(device)) {
      const auto found = world_.device(device).Find(id);
      EXPECT_TRUE(found.ok()) << found.status();
      if (!found.ok()) continue;
      ++account.by_decision[found->decision];
      ++account.recorded;
    }
    return account;
  }
  // The table, and that it adds up: on each device, and with the server's own figures.
  void ExpectAccounted(const std::string& title) {
    static constexpr std::array kDecisions = {ACCEPTED,  MERGED,     REJECTED,
                                              DUPLICATE, CONFLICTED, PARKED};
    std::cout << title << "\n"
              << std::left << std::setw(8) << "" << std::right << std::setw(9) << "recorded";
    for (const Decision decision : kDecisions) {
      std::string word = Decision_Name(decision);
      std::transform(word.begin(), word.end(), word.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      std::cout << std::setw(11) << word;
    }
    std::cout << "\n";
    for (const std::string& device : world_.devices()) {
      const Account account = AccountOf(device);
      std::cout << std::left << std::setw(8) << device << std::right << std::setw(9)
                << account.recorded;
      int sum = 0;
      for (const Decision decision : kDecisions) {
        std::cout << std::setw(11) << account.Of(decision);
        sum += account.Of(decision);
      }
      std::cout << "\n";
      EXPECT_EQ(account.recorded, sum) << device;
      EXPECT_EQ(static_cast<uint64_t>(account.recorded),
                world_.device(device).Status().counts.recorded);
    }
    const simulation::Lanes lanes(**world_.server().Log("shop"));
    EXPECT_EQ(lanes.problems(), "");
    EXPECT_EQ(world_.Problems(), "");
  }
  void Offline(const std::string& device) { world_.network().Partition(device); }
  void Online(const std::string& device) {
    world_.network().Heal();
    if (device == "stall") Offline("van");
    Pause();
  }

  // Until the shop closes.
  void Morning() {
    Record("milk costs 1", "front", Price("milk", 1));
    Record("tea costs 2", "front", Price("tea", 2));
    Record("order 17", "front", Open("17", "ann"));
    Record("a line of order 17", "front", Line("17", "milk"));
    Record("ann", "stall", Named("ann", "Ann"));
    Quiet();
    Offline("stall");
    Offline("van");
  }
  void AtTheStall() {
    Record("stall: milk costs 5", "stall", Price("milk", 5));
    Record("stall: milk costs 6", "stall", Price("milk", 6));
    Record("stall: 3 milk sold", "stall", Move("milk", -3));
    Record("stall: 40 tea counted", "stall", CountStock("tea", 40));
    Record("stall: name of ann", "stall", Named("ann", "Ann B."));
    Record("stall: credit of ann", "stall", Credited("ann", 200));
    Record("stall: 17 cancelled", "stall", Cancel("17"));
    Record("stall: voucher 1", "stall", Redeem("voucher-1", "s-1"));
    Record("stall: voucher 3", "stall", Redeem("voucher-3", "s-2"));
    Record("stall: words for tea", "stall", Describe("tea", "Darjeeling"));
    Record("stall: order 20", "stall", Open("20", "ann"));
    Record("stall: order 21", "stall", Open("21", "bob"));
  }
  void InTheVan() {
    Record("van: 45 milk counted", "van", CountStock("milk", 45));
    Record("van: a line of order 17", "van", Line("17", "tea"));
    Record("van: phone of ann", "van", Phoned("ann", "456"));
    Record("van: voucher 2", "van", Redeem("voucher-2", "v-1"));
    Record("van: tea costs 7", "van", Price("tea", 7));
    Record("van: milk costs 9", "van", Price("milk", 9));
  }
  void AtTheFront() {
    Record("front: milk costs 3", "front", Price("milk", 3));
    Record("front: 10 milk came", "front", Move("milk", 10));
    Record("front: 50 milk counted", "front", CountStock("milk", 50));
    Record("front: 60 tea counted", "front", CountStock("tea", 60));
    Record("front: phone of ann", "front", Phoned("ann", "123"));
    Record("front: credit of ann", "front", Credited("ann", 100));
    Record("front: 17 cancelled", "front", Cancel("17"));
    Record("front: voucher 1", "front", Redeem("voucher-1", "f-1"));
    Record("front: voucher 2", "front", Redeem("voucher-2", "f-2"));
    Record("front: words for tea", "front", Describe("tea", "Assam"));
    Record("front: order 20", "front", Open("20", "ann"));
    Record("front: order 21", "front", Open("21", "ann"));
  }

  void ExpectTheStallsWorkDecided() {
    // COMMUTES, FIELDWISE, LAST_WRITER_WINS by the server's order: both count.
    ExpectDecided("stall: 3 milk sold", MERGED);
    ExpectDecided("stall: name of ann", MERGED);
    ExpectDecided("stall: words for tea", MERGED);
    // LAST_WRITER_WINS by clocks: the stall counted the day before, so its count does not stand.
    ExpectDecided("stall: 40 tea counted", MERGED);
    // FIRST_WRITER_WINS.
    ExpectDecided("stall: voucher 1", REJECTED);
    ExpectDecided("stall: voucher 3", ACCEPTED);
    // SAME_IS_DUPLICATE, and a key that is given once.
    ExpectDecided("stall: 17 cancelled", DUPLICATE);
    ExpectDecided("stall: order 20", DUPLICATE);
    EXPECT_EQ(Now("stall: order 20").state, RecordState::kSynced);
    EXPECT_EQ(Now("stall: order 20").pointer, Now("front: order 20").position.value());
    // REVIEW; what follows waits behind it.
    ExpectDecided("stall: milk costs 5", CONFLICTED);
    ExpectDecided("stall: milk costs 6", PARKED);
    ExpectDecided("stall: credit of ann", CONFLICTED);
    EXPECT_EQ(Now("stall: credit of ann").reason.field(), "credit_limit_micros");
    ExpectDecided("stall: order 21", CONFLICTED);
  }
  void ExpectTheVansWorkDecided() {
    ExpectDecided("van: 45 milk counted", CONFLICTED);
    EXPECT_EQ(Now("van: 45 milk counted").reason.code(), Reason::CLOCK_UNTRUSTED);
    ExpectDecided("van: a line of order 17", CONFLICTED);
    ExpectDecided("van: phone of ann", MERGED);
    ExpectDecided("van: voucher 2", REJECTED);
    ExpectDecided("van: tea costs 7", MERGED);  // against words for tea
    ExpectDecided("van: milk costs 9", CONFLICTED);
  }
  void PeopleDecide() {
    const auto four = Price("milk", 4);
    Decide("front", "stall: milk costs 5", Verdict::kReplace, &four);
    Decide("van", "van: 45 milk counted", Verdict::kApply);
    Decide("front", "van: a line of order 17", Verdict::kDrop);
    Decide("stall", "stall: credit of ann", Verdict::kApply);
    const auto shared_voucher = Redeem("voucher-1", "s-1");
    const auto amended =
        world_.Amend("stall", done_.at("stall: voucher 1").second.intent_id, shared_voucher);
    ASSERT_TRUE(amended.ok()) << amended.status();
    const auto dismissed = world_.Dismiss("van", done_.at("van: voucher 2").second.intent_id);
    ASSERT_TRUE(dismissed.ok()) << dismissed.status();
    Quiet();
    ExpectDecided("stall: milk costs 5", ACCEPTED);
    ExpectDecided("stall: milk costs 6", ACCEPTED);  // by itself, after what it waited for
    EXPECT_GT(Now("stall: milk costs 6").settled_at, Now("stall: milk costs 5").settled_at);
    ExpectDecided("stall: voucher 1", ACCEPTED);
    ExpectDecided("van: voucher 2", REJECTED);
    ExpectDecided("van: a line of order 17", REJECTED);
  }
  // Without hearing of each other: the first is right, the second is told.
  void TwoDecideAboutOne() {
    Offline("front");
    Offline("stall");
    Decide("front", "van: milk costs 9", Verdict::kDrop);
    Decide("stall", "van: milk costs 9", Verdict::kApply);
    world_.network().Heal();
    Offline("stall");
    Pause();
    world_.network().Heal();
    Quiet();
    ExpectDecided("van: milk costs 9", REJECTED);
    ExpectDecided("front decides about van: milk costs 9", ACCEPTED);
    ExpectDecided("stall decides about van: milk costs 9", REJECTED);
    EXPECT_EQ(Now("stall decides about van: milk costs 9").reason.code(), Reason::NOT_OPEN);
    ExpectAccounted("after the decisions, one order's number still being asked about:");
  }

  World world_{17};
  AppendOptions shared_;
  std::map<std::string, std::pair<std::string, Appended>> done_;  // by what it is called here
};

TEST_F(Day, EveryRuleOccursPeopleDecideAndEveryIntentIsAccountedFor) {
  Morning();
  AtTheStall();
  InTheVan();
  world_.RunFor(absl::Hours(24));
  AtTheFront();
  Pause();
  Online("stall");

  ExpectTheStallsWorkDecided();

  Online("van");
  Quiet();
  ExpectTheVansWorkDecided();
  ExpectAccounted("when all are back:");

  PeopleDecide();
  TwoDecideAboutOne();
  const Account stall = AccountOf("stall");
  EXPECT_EQ(stall.Of(CONFLICTED), 1);  // the number of order 21
  EXPECT_EQ(stall.Of(PARKED), 0);
  EXPECT_EQ(stall.Of(DUPLICATE), 2);
  const auto milk = world_.device("van").Get("stock", "milk");
  ASSERT_TRUE(milk.ok() && milk->has_value());
  EXPECT_EQ((**milk).Read<views::StockRow>().on_hand(), 45);
}

}  // namespace
}  // namespace intentlog::scenario
