#include "client/conditions/sync_policy.h"

#include <set>

#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr PriorityClass kOrder = 0;
constexpr PriorityClass kPhoto = 2;

Conditions OnTheRoad() {
  Conditions conditions;
  conditions.network = NetworkKind::kMetered;
  conditions.battery_percent = 80;
  conditions.charging = false;
  return conditions;
}

std::vector<Conditions> AllConditions() {
  std::vector<Conditions> all;
  for (const auto network : {NetworkKind::kNone, NetworkKind::kMetered, NetworkKind::kUnmetered}) {
    for (const int battery : {-1, 0, 4, 14, 19, 20, 100}) {
      for (int flags = 0; flags < 8; ++flags) {
        Conditions one;
        one.network = network;
        if (battery >= 0) one.battery_percent = battery;
        one.charging = (flags & 1) != 0;
        one.foreground = (flags & 2) != 0;
        one.data_saver = (flags & 4) != 0;
        all.push_back(one);
      }
    }
  }
  return all;
}

const std::vector<std::string> kPresets = {"eager", "normal", "frugal", "charging-only", "manual"};

TEST(SyncPolicyTest, AnOrderGoesOverAMeteredNetworkWhileAPhotoWaits) {
  EXPECT_EQ(HoldOf(OnTheRoad(), NormalPolicy(), kOrder), Hold::kNone);
  EXPECT_EQ(HoldOf(OnTheRoad(), NormalPolicy(), kPhoto), Hold::kMetered);
  EXPECT_EQ(HoldOf(OnTheRoad(), EagerPolicy(), kPhoto), Hold::kNone);
  Conditions home = OnTheRoad();
  home.network = NetworkKind::kUnmetered;
  EXPECT_EQ(HoldOf(home, NormalPolicy(), kPhoto), Hold::kNone);
  home.battery_percent = 19;
  EXPECT_EQ(HoldOf(home, NormalPolicy(), kPhoto), Hold::kBattery);
  home.charging = true;
  EXPECT_EQ(HoldOf(home, NormalPolicy(), kPhoto), Hold::kNone);
}

TEST(SyncPolicyTest, APolicyMayAskForTheForeground) {
  SyncPolicy policy = EagerPolicy();
  policy.rules[kPhoto].background = false;
  Conditions conditions;
  conditions.foreground = false;
  EXPECT_EQ(HoldOf(conditions, policy, kPhoto), Hold::kBackground);
  EXPECT_EQ(HoldOf(conditions, policy, kOrder), Hold::kNone);
}

TEST(SyncPolicyTest, AMachineWithoutABatteryIsNeverHeldForItWhileItIsOnMains) {
  for (const std::string& name : kPresets) {
    if (name == "manual") continue;
    for (PriorityClass priority = 0; priority < kClasses; ++priority) {
      EXPECT_EQ(HoldOf(Conditions(), *PolicyNamed(name), priority), Hold::kNone) << name;
    }
  }
}

TEST(SyncPolicyTest, ThereIsOneReasonForEveryCombinationAndASentenceForIt) {
  for (const std::string& name : kPresets) {
    const SyncPolicy policy = *PolicyNamed(name);
    for (const Conditions& conditions : AllConditions()) {
      Hold lower = Hold::kNone;
      for (PriorityClass priority = 0; priority < kClasses; ++priority) {
        const Hold hold = HoldOf(conditions, policy, priority);
        EXPECT_EQ(HoldText(hold, conditions, policy, priority).empty(), hold == Hold::kNone);
        EXPECT_EQ(hold == Hold::kNoNetwork, conditions.network == NetworkKind::kNone);
        // What holds an urgent class holds the less urgent ones, too.
        if (lower != Hold::kNone) {
          EXPECT_NE(hold, Hold::kNone) << name << int{priority};
        }
        lower = hold;
      }
    }
  }
}

TEST(SyncPolicyTest, WhoAsksOverridesAllButAMissingNetwork) {
  for (const Conditions& conditions : AllConditions()) {
    EXPECT_EQ(HoldOfAsked(conditions),
              conditions.network == NetworkKind::kNone ? Hold::kNoNetwork : Hold::kNone);
  }
}

TEST(SyncPolicyTest, ManualHoldsEverythingAndNobodyKnowsOtherNames) {
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    EXPECT_EQ(HoldOf(Conditions(), ManualPolicy(), priority), Hold::kManual);
  }
  EXPECT_FALSE(PolicyNamed("").has_value());
  EXPECT_FALSE(PolicyNamed("Eager").has_value());
}

}  // namespace
}  // namespace intentlog
