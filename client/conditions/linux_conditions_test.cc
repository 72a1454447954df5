#include "client/conditions/linux_conditions.h"

#include <filesystem>
#include <fstream>

#include "eventlog/runtime/random.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

// A made-up sysfs.
class Tree {
 public:
  Tree()
      : root_(testing::TempDir() + "/sysfs_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  ~Tree() { std::filesystem::remove_all(root_); }

  Tree& Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + "/class/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return *this;
  }
  Tree& Battery(const std::string& status, const std::string& capacity) {
    Write("power_supply/BAT0/type", "Battery\n");
    Write("power_supply/BAT0/status", status + "\n");
    return Write("power_supply/BAT0/capacity", capacity + "\n");
  }
  Tree& Interface(const std::string& name, const std::string& type, const std::string& state) {
    Write("net/" + name + "/type", type + "\n");
    return Write("net/" + name + "/operstate", state + "\n");
  }
  Conditions Read(const LinuxConditionsOptions& options = {}) const {
    return ReadLinuxConditions(root_, options);
  }

 private:
  const std::string root_;
};

TEST(LinuxConditionsTest, WithoutABatteryTheMachineIsOnMains) {
  Tree tree;
  EXPECT_TRUE(tree.Read().charging);
  EXPECT_FALSE(tree.Read().battery_percent.has_value());
  tree.Write("power_supply/AC/type", "Mains\n").Write("power_supply/AC/online", "1\n");
  EXPECT_TRUE(tree.Read().charging);
}

TEST(LinuxConditionsTest, ABatteryTellsItsChargeAndWhetherItCharges) {
  Tree tree;
  tree.Battery("Discharging", "42");
  EXPECT_EQ(tree.Read().battery_percent, 42);
  EXPECT_FALSE(tree.Read().charging);
  for (const std::string status : {"Charging", "Full"}) {
    EXPECT_TRUE(tree.Battery(status, "42").Read().charging) << status;
  }
  tree.Battery("Not charging", "80");
  EXPECT_FALSE(tree.Read().charging);
  tree.Write("power_supply/AC/type", "Mains\n").Write("power_supply/AC/online", "1\n");
  EXPECT_TRUE(tree.Read().charging);
  tree.Write("power_supply/AC/online", "0\n");
  EXPECT_FALSE(tree.Read().charging);
}

TEST(LinuxConditionsTest, TheBatteryOfAMouseIsNotTheMachines) {
  Tree tree;
  tree.Battery("Discharging", "3").Write("power_supply/BAT0/scope", "Device\n");
  EXPECT_FALSE(tree.Read().battery_percent.has_value());
  EXPECT_TRUE(tree.Read().charging);
}

TEST(LinuxConditionsTest, SeveralBatteriesShareTheirCharge) {
  Tree tree;
  tree.Battery("Discharging", "20");
  tree.Write("power_supply/BAT1/type", "Battery\n").Write("power_supply/BAT1/capacity", "61\n");
  EXPECT_EQ(tree.Read().battery_percent, 40);
}

TEST(LinuxConditionsTest, LoopbackIsNoNetwork) {
  Tree tree;
  EXPECT_EQ(tree.Read().network, NetworkKind::kNone);
  tree.Interface("lo", "772", "unknown");
  EXPECT_EQ(tree.Read().network, NetworkKind::kNone);
  tree.Interface("eth0", "1", "down");
  EXPECT_EQ(tree.Read().network, NetworkKind::kNone);
  tree.Interface("eth0", "1", "up");
  EXPECT_EQ(tree.Read().network, NetworkKind::kUnmetered);
}

TEST(LinuxConditionsTest, WirelessIsUnmeteredUnlessSaidOtherwiseAndModemsAreMetered) {
  Tree tree;
  tree.Interface("wlan0", "1", "up").Write("net/wlan0/phy80211/name", "phy0\n");
  EXPECT_EQ(tree.Read().network, NetworkKind::kUnmetered);
  LinuxConditionsOptions hotspot;
  hotspot.metered_interfaces = {"wlan0"};
  EXPECT_EQ(tree.Read(hotspot).network, NetworkKind::kMetered);
  tree.Interface("wlan0", "1", "dormant");
  tree.Interface("ppp0", "512", "unknown");
  EXPECT_EQ(tree.Read().network, NetworkKind::kMetered);
  tree.Interface("eth0", "1", "up");  // the better one counts
  EXPECT_EQ(tree.Read().network, NetworkKind::kUnmetered);
}

TEST(LinuxConditionsTest, OddContentsAreLeftOut) {
  Tree tree;
  for (const std::string odd : {"", "-1", "101", "99999999999999999999", "4 2", "x", "\xff\0\n"}) {
    EXPECT_FALSE(tree.Battery("Discharging", odd).Read().battery_percent.has_value()) << odd;
  }
  tree.Interface("eth0", "", "up").Interface("eth1", "one", "up").Write("net/eth2", "a file");
  tree.Write("net/eth3/type/deep", "1").Interface("eth4", "1", std::string(100'000, 'u'));
  EXPECT_EQ(tree.Read().network, NetworkKind::kNone);
}

TEST(LinuxConditionsTest, AnyBytesGiveConditions) {
  SeededRandom random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<PowerSupply> supplies(random.Below(4));
    for (PowerSupply& one : supplies) {
      for (std::string* text : {&one.type, &one.status, &one.capacity, &one.online, &one.scope}) {
        *text = random.Below(2) == 0 ? random.Bytes(random.Below(9)) : "Battery";
      }
      one.capacity = std::to_string(random.Below(200));
    }
    std::vector<NetInterface> interfaces(random.Below(4));
    for (NetInterface& one : interfaces) {
      one = {random.Bytes(random.Below(9)), std::to_string(random.Below(1000)), "up", false};
    }
    const Conditions conditions = ConditionsOf(supplies, interfaces);
    if (conditions.battery_percent) {
      EXPECT_GE(*conditions.battery_percent, 0);
      EXPECT_LE(*conditions.battery_percent, 100);
    }
  }
}

TEST(LinuxConditionsTest, TheMachineThatRunsThisHasConditions) {
  const Conditions conditions = ReadLinuxConditions("/sys");
  EXPECT_EQ(ReadLinuxConditions("/nowhere").network, NetworkKind::kNone);
  EXPECT_EQ(conditions.foreground, true);
}

}  // namespace
}  // namespace intentlog
