// Conditions are what a device has to sync with: told by the host application, which hears of them
// from its operating system (linux_conditions.h reads them where there is no application). A value.
#pragma once

#include <optional>

namespace intentlog {

enum class NetworkKind {
  kNone,
  kMetered,  // data costs money
  kUnmetered,
};

// What nobody told of stands in no way.
struct Conditions {
  NetworkKind network = NetworkKind::kUnmetered;
  std::optional<int> battery_percent;  // nothing: there is no battery, the device is on mains
  bool charging = true;
  bool foreground = true;  // the user sees the application
  bool data_saver = false;

  friend bool operator==(const Conditions&, const Conditions&) = default;
};

}  // namespace intentlog
