// A SyncPolicy says what may be synced when. Pure: (conditions, policy, class) → may go now, or why
// not.
//
//   Hold hold = HoldOf(conditions, NormalPolicy(), 2);
//   if (hold != Hold::kNone) Say(HoldText(hold, conditions, policy, 2));
//
// The presets, by class (a person who calls SyncNow overrides all but a missing network):
//
//                  class 0             class 1             class 2             class 3
//   eager          always              always              always              always
//   normal         always              no data saver       unmetered, no data saver, background
//                                                          from 20 % battery
//   frugal         from 5 % battery    unmetered, 15 %,    unmetered and charging, no data saver
//                                      no data saver
//   charging_only  charging            charging,           charging, unmetered, no data saver
//                                      no data saver
//   manual         when a person asks
//
// The feed comes with whatever may go: a device that may send nothing does not connect.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "client/conditions/conditions.h"
#include "client/outbox/log_place.h"

namespace intentlog {

// When one class may go. As it is made: always.
struct ClassRule {
  bool metered = true;     // also where data costs money
  bool data_saver = true;  // also while the user saves data
  bool background = true;  // also while the user does not see the application
  bool on_battery = true;  // also while it is not charging
  // While it is not charging: from this charge on.
  int battery_percent_min = 0;

  friend bool operator==(const ClassRule&, const ClassRule&) = default;
};

struct SyncPolicy {
  std::array<ClassRule, kClasses> rules;
  bool manual = false;  // only when a person asks
  // The priority class (0 to 3) of each entity type; of those that are not named: 0. Each class is
  // a device log of its own, and lower ones go first. An entity type stays in the class in which
  // the first intent of it was recorded on this device.
  std::map<std::string, PriorityClass, std::less<>> class_of;
};

SyncPolicy EagerPolicy();
SyncPolicy NormalPolicy();
SyncPolicy FrugalPolicy();
SyncPolicy ChargingOnlyPolicy();
SyncPolicy ManualPolicy();
// "eager", "normal", "frugal", "charging-only", "manual".
std::optional<SyncPolicy> PolicyNamed(std::string_view name);

// What keeps a class from going: the first of these that does.
enum class Hold : uint8_t {
  kNone,
  kNoNetwork,
  kManual,
  kDataSaver,
  kMetered,
  kBattery,
  kBackground
};

Hold HoldOf(const Conditions& conditions, const SyncPolicy& policy, PriorityClass priority);
// The same after a person asked: only a missing network holds.
Hold HoldOfAsked(const Conditions& conditions);
// One sentence; empty for kNone.
std::string HoldText(Hold hold, const Conditions& conditions, const SyncPolicy& policy,
                     PriorityClass priority);

}  // namespace intentlog
