#include "tools/import/shop_device.h"

#include <xxhash.h>

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/domain.h"

namespace intentlog {

std::string ShopDeviceName(int index) { return Cat("device-", index); }

std::string ShopScope(int index) { return Cat("shop-", index); }

int DeviceOfInvoice(std::string_view invoice, int devices) {
  const uint64_t hash = XXH3_64bits(invoice.data(), invoice.size());
  return static_cast<int>(hash % static_cast<uint64_t>(devices)) + 1;
}

absl::StatusOr<ShopDevice> ShopDevice::Open(ClientOptions options) {
  ShopDevice device;
  device.random_ = MakeSystemRandom();
  device.executor_ = MakeThreadExecutor("device");
  ASSIGN_OR_RETURN(Domain shop, LoadDomain(""));
  options.schema = shop.schema;
  options.projections = std::move(shop.projections);
  options.runtime = {&SystemClock(), device.executor_.get(), device.random_.get()};
  ASSIGN_OR_RETURN(device.client_, Client::Open(std::move(options)));
  return device;
}

absl::StatusOr<ShopDevice> ShopDevice::Open(const std::string& dir, int index,
                                            size_t push_frame_bytes) {
  ClientOptions options;
  if (push_frame_bytes > 0) options.push_frame_bytes = push_frame_bytes;
  options.dir = dir;
  options.tenant = "default";
  options.device = ShopDeviceName(index);
  options.write_scope = ShopScope(index);
  options.scopes = {options.write_scope, "shared"};
  options.all_scopes = index == 1;
  return Open(std::move(options));
}

absl::StatusOr<ShopDevice> ShopDevice::OpenObserver(const std::string& dir,
                                                    const std::string& name) {
  ClientOptions options;
  options.dir = dir;
  options.tenant = "default";
  options.device = name;
  options.write_scope = "shared";
  options.scopes = {"shared"};
  options.all_scopes = true;
  return Open(std::move(options));
}

}  // namespace intentlog
