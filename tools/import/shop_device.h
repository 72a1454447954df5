// How the devices of a chain of shops are set up: device-1 … device-N, one folder and one scope
// each.
//
//   device-1   head office: sells in shop-1 and subscribes to every scope
//   device-i   sells in shop-i, subscribes to shop-i and shared
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"

namespace intentlog {

std::string ShopDeviceName(int index);  // "device-3"
std::string ShopScope(int index);       // "shop-3"

// A device that is open, with what its client runs on. Move-only; closes when destroyed.
class ShopDevice {
 public:
  // Opens `dir`, making it if it is absent. Errors as Client::Open. REQUIRES: index >= 1.
  // `push_frame_bytes` 0: the client's default.
  static absl::StatusOr<ShopDevice> Open(const std::string& dir, int index,
                                         size_t push_frame_bytes = 0);
  // A device that sells nothing and subscribes to everything.
  static absl::StatusOr<ShopDevice> OpenObserver(const std::string& dir, const std::string& name);
  ShopDevice(ShopDevice&&) = default;
  ShopDevice& operator=(ShopDevice&&) = default;

  Client& client() const { return *client_; }
  Executor& executor() const { return *executor_; }

 private:
  ShopDevice() = default;
  static absl::StatusOr<ShopDevice> Open(ClientOptions options);

  std::unique_ptr<Random> random_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Client> client_;  // last: goes first
};

// Which device of 1 … `devices` an invoice belongs to: always the same one, and all its lines.
int DeviceOfInvoice(std::string_view invoice, int devices);

}  // namespace intentlog
