// A LoadFleet is tills that push real intents through real gRPC streams and wait for their
// receipts, and do nothing else: frames are built before the clock runs, so that the machine's
// cores belong to the server. They follow no scope, so that the way in alone is measured.
//
// Thread-compatible.
//
//   ASSIGN_OR_RETURN(auto fleet, LoadFleet::Connect({.address = address}));
//   fleet->Prepare(/*frames=*/100);
//   Stopwatch watch;
//   RETURN_IF_ERROR(fleet->Push());   // every intent has its receipt
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/raw_stream.h"

namespace intentlog::bench {

struct LoadFleetOptions {
  std::string address;
  // Another than a session's: of a bare server that answers each frame with one message.
  std::string method = kDeviceSyncMethod;
  int tills = 32;
  int shops = 8;  // scopes; tills are spread over them
  std::string scope_prefix = "shop-";
  std::string name_prefix = "till-";
  // What a till sells; otherwise lines of an OrderStream.
  std::function<NextLine(int till)> lines;
  int intents_per_frame = 1;
  // Frames pushed and not receipted; 1: each waits for the receipt of the one before. More are also
  // bounded by the server's window.
  int frames_in_flight = 1;
  uint64_t seed = 1;
  uint64_t lines_per_till = 16000;
  // What a till pushes instead of order lines.
  std::function<std::unique_ptr<EventStream>(int till)> events = {};
  // Keeps what was prepared as rows for a peer.
  bool keep_rows = false;
};

class LoadFleet {
 public:
  // Returns when the server has welcomed all.
  static absl::StatusOr<std::unique_ptr<LoadFleet>> Connect(const LoadFleetOptions& options);
  ~LoadFleet();

  // Builds the next `frames` frames of every till, fewer where its lines end; how many of all.
  int Prepare(int frames);
  // Pushes what was prepared, from all tills at once.
  absl::Status Push();

  // What was prepared last: for each till, key (log id and count) and serialized intent.
  using Rows = std::vector<std::pair<std::string, std::string>>;
  const std::vector<Rows>& rows() const;

 private:
  struct Rep;
  explicit LoadFleet(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog::bench
