#include "client/conditions/linux_conditions.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace intentlog {
namespace {

constexpr int kEthernet = 1;  // and Wi-Fi; numbers of linux/if_arp.h
constexpr int kPpp = 512;
constexpr int kRawIp = 519;
constexpr int kLoopback = 772;
// No attribute that is read here is longer.
constexpr size_t kAttributeBytesMax = 64;

std::optional<int> ToNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

bool IsBattery(const PowerSupply& supply) {
  // Those of a mouse or a headset are of scope "Device".
  return supply.type == "Battery" && supply.scope != "Device";
}

void AddPower(const std::vector<PowerSupply>& supplies, Conditions& conditions) {
  int batteries = 0;
  int percents = 0;
  int sum = 0;
  bool charging = false;
  for (const PowerSupply& supply : supplies) {
    if (supply.type != "Battery" && supply.online == "1") charging = true;
    if (!IsBattery(supply)) continue;
    ++batteries;
    if (supply.status == "Charging" || supply.status == "Full") charging = true;
    const std::optional<int> percent = ToNumber(supply.capacity);
    if (!percent || *percent < 0 || *percent > 100) continue;
    ++percents;
    sum += *percent;
  }
  if (batteries == 0) return;
  conditions.charging = charging;
  if (percents > 0) conditions.battery_percent = sum / percents;
}

bool IsUp(const NetInterface& interface) {
  // Modems and tunnels do not know their state.
  return interface.operstate == "up" || interface.operstate == "unknown";
}

bool IsMetered(const NetInterface& interface, const LinuxConditionsOptions& options) {
  const auto& named = options.metered_interfaces;
  if (std::find(named.begin(), named.end(), interface.name) != named.end()) return true;
  if (interface.wireless) return false;
  const std::optional<int> type = ToNumber(interface.type);
  return type == kPpp || type == kRawIp || interface.name.substr(0, 4) == "wwan";
}

bool IsNetwork(const NetInterface& interface) {
  const std::optional<int> type = ToNumber(interface.type);
  if (!type || *type == kLoopback) return false;
  return interface.wireless || *type == kEthernet || *type == kPpp || *type == kRawIp;
}

std::string ReadAttribute(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  std::ifstream file(path, std::ios::binary);
  std::string text(kAttributeBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  const size_t end = text.find_first_of(std::string_view("\n\r\0", 3));
  if (end != std::string::npos) text.resize(end);
  return text;
}

// The folders in `dir`, in the order of their names.
std::vector<std::filesystem::path> Entries(const std::filesystem::path& dir, size_t entries_max) {
  std::vector<std::filesystem::path> entries;
  std::error_code error;
  std::filesystem::directory_iterator entry(dir, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entries.size() == entries_max) break;
    entries.push_back(entry->path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace

Conditions ConditionsOf(const std::vector<PowerSupply>& supplies,
                        const std::vector<NetInterface>& interfaces,
                        const LinuxConditionsOptions& options) {
  Conditions conditions;
  AddPower(supplies, conditions);
  conditions.network = NetworkKind::kNone;
  for (const NetInterface& interface : interfaces) {
    if (!IsNetwork(interface) || !IsUp(interface)) continue;
    if (!IsMetered(interface, options)) {
      conditions.network = NetworkKind::kUnmetered;
      break;
    }
    conditions.network = NetworkKind::kMetered;
  }
  return conditions;
}

Conditions ReadLinuxConditions(const std::string& sysfs_root,
                               const LinuxConditionsOptions& options) {
  const std::filesystem::path root(sysfs_root);
  std::vector<PowerSupply> supplies;
  for (const auto& dir : Entries(root / "class/power_supply", options.entries_max)) {
    supplies.push_back({ReadAttribute(dir / "type"), ReadAttribute(dir / "status"),
                        ReadAttribute(dir / "capacity"), ReadAttribute(dir / "online"),
                        ReadAttribute(dir / "scope")});
  }
  std::vector<NetInterface> interfaces;
  for (const auto& dir : Entries(root / "class/net", options.entries_max)) {
    std::error_code error;
    const bool wireless = std::filesystem::exists(dir / "wireless", error) ||
                          std::filesystem::exists(dir / "phy80211", error);
    interfaces.push_back({dir.filename().string(), ReadAttribute(dir / "type"),
                          ReadAttribute(dir / "operstate"), wireless});
  }
  return ConditionsOf(supplies, interfaces, options);
}

}  // namespace intentlog
