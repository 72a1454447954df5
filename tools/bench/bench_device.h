// A BenchDevice is a real device: a Client with the read models of a shop and a thread of its own.
// Thread-compatible.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"
#include "projections/engine/read_models.h"

namespace intentlog::bench {

struct BenchDevice {
  std::unique_ptr<Random> random;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<Client> client;
};

struct BenchDeviceOptions {
  std::string dir;
  bool all_scopes = false;  // head office; otherwise a till of shop-1, `name`
  std::string name = "till-1";
  Projections projections = {};  // none: the shop's
  bool take_snapshots = false;
};
absl::StatusOr<BenchDevice> OpenDevice(const BenchDeviceOptions& options);

// A process of its own: a fresh device in `dir` follows every scope of the server until its views
// hold `lines` order lines, durably. Prints "SECONDS BYTES" on stdout: how long that took, and the
// process's greatest resident memory.
absl::Status RunCatchUpDevice(const std::string& dir, const std::string& server, int64_t lines);

}  // namespace intentlog::bench
