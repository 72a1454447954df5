// The device folders that an import makes or goes on with: DIR/device-1 … DIR/device-N. Which
// device an invoice belongs to depends on N, so a folder that was begun with another N is refused:
// its invoices would be recorded a second time elsewhere.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/import/shop_device.h"

namespace intentlog {

// More open stores than this do not fit an ordinary limit of open files.
inline constexpr int kDevicesMax = 64;

// FAILED_PRECONDITION if `dir` has devices, but not `devices` of them. Changes nothing.
absl::Status CheckDeviceFolders(const std::string& dir, int devices);

// Opens all of them, making those that are absent.
absl::StatusOr<std::vector<ShopDevice>> OpenDeviceFolders(const std::string& dir, int devices);

}  // namespace intentlog
