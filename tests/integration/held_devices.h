// HeldDevices are thousands of devices as a server sees them: each records order lines, says Hello
// on a connection of its own, pushes what has no receipt, follows a scope of a few devices, and
// stays. They keep in memory what a device keeps on disk, so ten thousand fit into one process.
// Who is cut off or refused tries again as client/sync/backoff.h says, or as the server asked.
//
//   HeldDevices devices({.address = shop.address(), .count = 1000});
//   devices.ConnectAll();                              // at one instant
//   ASSERT_OK(devices.Settle(absl::Seconds(120)));     // all welcome, all receipts there
//
// For tests. Belongs to one thread; nothing is tried again but within Settle.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eventlog/log/event_log.h"

namespace intentlog::integration {

struct HeldDevicesOptions {
  std::string address;
  size_t count = 1000;
  uint64_t seed = 1;
  size_t devices_per_scope = 10;
};

// Since the last ConnectAll, which is when its clock began.
struct HerdReport {
  absl::Duration half, most, all;  // until 50 %, 99 % and all were welcome for the first time
  uint64_t refused = 0;            // connections that ended before their Welcome
  uint64_t asked_to_wait = 0;      // throttled, or told in a Goodbye when to come again
  uint64_t cut = 0;                // sessions that ended after their Welcome
};

class HeldDevices {
 public:
  explicit HeldDevices(const HeldDevicesOptions& options);
  ~HeldDevices();  // all hang up
  HeldDevices(const HeldDevices&) = delete;
  HeldDevices& operator=(const HeldDevices&) = delete;

  // Each that has no connection makes one, without any wait.
  void ConnectAll();
  // All connections end at once, without a word to the server, and none is made.
  void HangUp();
  // Each records so many intents and pushes them if it is welcome.
  void Record(size_t intents);
  // Until all are welcome and have a receipt for all that they recorded. UNAVAILABLE if that takes
  // longer than `limit`, with who is missing; DATA_LOSS if the server lost what it acknowledged;
  // INTERNAL if it said what it may not say.
  absl::Status Settle(absl::Duration limit);
  // Until the last has seen its connection end. UNAVAILABLE after `limit`.
  absl::Status AwaitCut(absl::Duration limit);

  HerdReport report() const;
  size_t recorded() const;
  size_t acknowledged() const;
  // Whether the log holds, of each device, exactly what that recorded.
  absl::Status CheckLog(const EventLog& log) const;

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog::integration
