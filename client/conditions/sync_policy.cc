#include "client/conditions/sync_policy.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

SyncPolicy EagerPolicy() { return SyncPolicy(); }

SyncPolicy NormalPolicy() {
  SyncPolicy policy;
  policy.rules[1].data_saver = false;
  ClassRule patient;
  patient.metered = false;
  patient.data_saver = false;
  patient.battery_percent_min = 20;
  policy.rules[2] = policy.rules[3] = patient;
  return policy;
}

SyncPolicy FrugalPolicy() {
  SyncPolicy policy;
  policy.rules[0].battery_percent_min = 5;
  policy.rules[1].metered = false;
  policy.rules[1].data_saver = false;
  policy.rules[1].battery_percent_min = 15;
  ClassRule patient;
  patient.metered = false;
  patient.data_saver = false;
  patient.on_battery = false;
  policy.rules[2] = policy.rules[3] = patient;
  return policy;
}

SyncPolicy ChargingOnlyPolicy() {
  SyncPolicy policy;
  for (ClassRule& rule : policy.rules) rule.on_battery = false;
  for (const size_t priority : {1, 2, 3}) policy.rules[priority].data_saver = false;
  for (const size_t priority : {2, 3}) policy.rules[priority].metered = false;
  return policy;
}

SyncPolicy ManualPolicy() {
  SyncPolicy policy;
  policy.manual = true;
  return policy;
}

std::optional<SyncPolicy> PolicyNamed(std::string_view name) {
  if (name == "eager") return EagerPolicy();
  if (name == "normal") return NormalPolicy();
  if (name == "frugal") return FrugalPolicy();
  if (name == "charging-only") return ChargingOnlyPolicy();
  if (name == "manual") return ManualPolicy();
  return std::nullopt;
}

namespace {

bool LacksPower(const Conditions& conditions, const ClassRule& rule) {
  if (conditions.charging) return false;
  if (!rule.on_battery) return true;
  return conditions.battery_percent && *conditions.battery_percent < rule.battery_percent_min;
}

}  // namespace

Hold HoldOfAsked(const Conditions& conditions) {
  return conditions.network == NetworkKind::kNone ? Hold::kNoNetwork : Hold::kNone;
}

Hold HoldOf(const Conditions& conditions, const SyncPolicy& policy, PriorityClass priority) {
  INTENTLOG_CHECK(priority < kClasses);
  const ClassRule& rule = policy.rules[priority];
  if (conditions.network == NetworkKind::kNone) return Hold::kNoNetwork;
  if (policy.manual) return Hold::kManual;
  if (conditions.data_saver && !rule.data_saver) return Hold::kDataSaver;
  if (conditions.network == NetworkKind::kMetered && !rule.metered) return Hold::kMetered;
  if (LacksPower(conditions, rule)) return Hold::kBattery;
  if (!conditions.foreground && !rule.background) return Hold::kBackground;
  return Hold::kNone;
}

namespace {

std::string BatteryText(const Conditions& conditions, const ClassRule& rule) {
  const std::string charge = conditions.battery_percent
                                 ? Cat(": the battery is at ", *conditions.battery_percent, " %")
                                 : "";
  if (!rule.on_battery) return Cat("waits for the charger", charge);
  return Cat("waits for the charger, or for ", rule.battery_percent_min, " %", charge);
}

}  // namespace

std::string HoldText(Hold hold, const Conditions& conditions, const SyncPolicy& policy,
                     PriorityClass priority) {
  switch (hold) {
    case Hold::kNone:
      return "";
    case Hold::kNoNetwork:
      return "there is no network";
    case Hold::kManual:
      return "syncs only when a person asks";
    case Hold::kDataSaver:
      return Cat("waits until data is not saved any more: class ", int{priority}, " is not urgent");
    case Hold::kMetered:
      return Cat("waits for a network without a meter: class ", int{priority}, " is not urgent");
    case Hold::kBattery:
      return BatteryText(conditions, policy.rules[priority]);
    case Hold::kBackground:
      return "waits until the application is in the foreground";
  }
  INTENTLOG_CHECK(false);
  return "";
}

}  // namespace intentlog
