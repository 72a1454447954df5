// A fresh device that begins at a server's snapshots, or with the whole feed, and what that took.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/bench.h"
#include "tools/bench/child_process.h"

namespace intentlog::bench {

// What a server has that a device is to have.
struct ServerRows {
  uint64_t head = 0;
  size_t scopes = 0;
  std::string digest;  // of all views and scopes, in hexadecimal
  uint64_t rows = 0;
};
absl::StatusOr<ServerRows> RowsOfServer(const std::string& address);

struct Began {
  double seconds = 0;  // from the first connection until all is there, durably
  uint64_t received_bytes = 0;
  uint64_t peak_bytes = 0;  // greatest resident memory of the process
};

// Runs one in a process of its own, with the views of that name (ViewsNamed). DATA_LOSS if its rows
// are not the server's, or some scope did not begin as was wanted.
absl::StatusOr<Began> BeginDevice(BenchContext& context, const std::string& address,
                                  const ServerRows& wanted, const std::string& views,
                                  bool at_snapshots);

// That process: prints one line of figures. `scopes` are awaited at `head`.
struct BeginDeviceOptions {
  std::string dir, server, views;
  uint64_t head = 0;
  size_t scopes = 0;
  bool at_snapshots = false;
};
absl::Status RunBeginDevice(const BeginDeviceOptions& options);

}  // namespace intentlog::bench
