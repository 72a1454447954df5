// The conditions of a Linux machine, read from sysfs. What is missing or odd there is left out: a
// machine without a battery is on mains, one without a network has none.
//
//   class/power_supply/*/type,status,capacity,online,scope
//   class/net/*/type,operstate,wireless,phy80211
//
//   Conditions now = ReadLinuxConditions("/sys");
//
// Nothing here tells of foreground or data saver: they stay as they are made.
#pragma once

#include <string>
#include <vector>

#include "client/conditions/conditions.h"

namespace intentlog {

struct LinuxConditionsOptions {
  // Interfaces whose data costs money, besides those of modems.
  std::vector<std::string> metered_interfaces;
  // Entries of a folder that are looked at: bounds the time on odd trees.
  size_t entries_max = 256;
};

// What one folder of class/power_supply says; what is missing is empty.
struct PowerSupply {
  std::string type, status, capacity, online, scope;
};
// What one folder of class/net says.
struct NetInterface {
  std::string name, type, operstate;
  bool wireless = false;
};

// Pure.
Conditions ConditionsOf(const std::vector<PowerSupply>& supplies,
                        const std::vector<NetInterface>& interfaces,
                        const LinuxConditionsOptions& options = {});
// Never fails.
Conditions ReadLinuxConditions(const std::string& sysfs_root,
                               const LinuxConditionsOptions& options = {});

}  // namespace intentlog
