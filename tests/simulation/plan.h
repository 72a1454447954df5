// A Plan is what a seed draws before a run begins: how large everything is, and how much goes
// wrong. Each seed picks its own faults and leaves out others, because faults hide each other.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "client/client.h"
#include "eventlog/runtime/random.h"
#include "server/options.h"
#include "tests/simulation/sim_network.h"

namespace intentlog::simulation {

// Chances: of faults at each step, of writes at each write.
struct FaultRates {
  double cut = 0, partition = 0, lose_replies = 0, heal = 0.1;
  double kill = 0, die_in_task = 0;  // ends of a process, between tasks and at a task boundary
  double power_share = 0;            // of these ends that are power cuts
  double pause = 0;
  absl::Duration pause_max;
  double clock = 0;
  double disk_full = 0;
  double herd = 0;         // all connections cut at once
  double stop_server = 0;  // as it should be stopped
  double change_scopes = 0;
  double new_device = 0;
  // Copies of disks are taken and put back, become another device; apps are installed again.
  double restore_server = 0, restore_device = 0, copy_device = 0, reinstall = 0;
  double write_fails = 0, write_kills = 0, write_is_slow = 0;
  absl::Duration slow_max;
};

enum class Skew {
  kNone,
  kOldDevices,  // do not know parcels
  kOldServer,   // does not know parcels, until all is healed
  kOldOffline,  // devices of last year, which meet the server after their update
};

struct Plan {
  explicit Plan(uint64_t seed);
  // For people, in one line.
  std::string Text() const;

  uint64_t devices = 2;
  uint64_t steps = 20;
  absl::Duration step_max;  // time from one step to the next
  uint64_t entities = 3;    // of a kind: few make conflicts
  uint64_t batch_max = 5;
  bool poison = false;
  bool snapshots = false;
  bool stock_apart = false;  // stock in a log of its own
  uint64_t rules = 0;        // which variant of the shop's rules; 0: its own
  Skew skew = Skew::kNone;
  bool people_decide = false;
  bool one_order = false;  // is what all work upon, and decide about
  bool narrow = false;     // a server with room for little: gaps, pushes that come again
  bool rebuild = false;    // at the end, from nothing
  FaultRates rates;
  LinkFaults link;
  absl::Duration server_delay_max;  // of what blocks
  // Everything is quiet so long after the last fault.
  absl::Duration quiet_within;

  ServerOptions server;  // limits alone
  ClientOptions client;

 private:
  void DrawSizes(Random& random);
  void DrawFaults(Random& random);
  void DrawDiskFaults(Random& random);
  void DrawServer(Random& random);
  void DrawSnapshots(Random& random);
  void DrawClient(Random& random);
  void DrawCopies(Random& random);
  void DrawTheme(Random& random);
};

}  // namespace intentlog::simulation
