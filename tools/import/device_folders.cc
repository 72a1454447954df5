#include "tools/import/device_folders.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/import/decimal.h"

namespace intentlog {
namespace {

constexpr std::string_view kPrefix = "device-";

// 7 of "device-7"; 0 of any other name.
int64_t IndexOfName(std::string_view name) {
  if (!name.starts_with(kPrefix)) return 0;
  const auto index = ParseWhole(name.substr(kPrefix.size()));
  return index.ok() ? *index : 0;
}

}  // namespace

// Folders are made from the last one down, so an import that was cut off early shows its number
// too.
absl::Status CheckDeviceFolders(const std::string& dir, int devices) {
  std::error_code error;
  if (!std::filesystem::exists(dir, error)) return absl::OkStatus();
  std::filesystem::directory_iterator entries(dir, error);
  if (error) return Invalid(dir, ": is no folder that can be read: ", error.message());
  int64_t highest = 0;
  for (const auto& entry : entries) {
    highest = std::max(highest, IndexOfName(entry.path().filename().string()));
  }
  if (highest == 0 || highest == devices) return absl::OkStatus();
  return FailedPrecondition(dir, ": has ", highest, " devices; import with --devices ", highest,
                            " to go on with them, or choose another folder");
}

absl::StatusOr<std::vector<ShopDevice>> OpenDeviceFolders(const std::string& dir, int devices) {
  RETURN_IF_ERROR(CheckDeviceFolders(dir, devices));
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return Unavailable(dir, ": cannot be made: ", error.message());
  std::vector<ShopDevice> opened;
  for (int index = devices; index >= 1; --index) {
    ASSIGN_OR_RETURN(ShopDevice device,
                     ShopDevice::Open(Cat(dir, "/", ShopDeviceName(index)), index));
    opened.push_back(std::move(device));
  }
  std::reverse(opened.begin(), opened.end());
  return opened;
}

}  // namespace intentlog
