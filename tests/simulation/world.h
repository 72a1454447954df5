// A World is a fleet in one thread: real client and server cores on simulated time and a simulated
// network, with real stores, or stores in memory, which power cuts and failing disks need. A seed
// gives everything that happens by chance.
//
//   World world(seed);
//   world.StartServer();
//   world.AddDevice("till-1");
//   world.Append("till-1", Line("order-1", "milk", 2));
//   ASSERT_TRUE(world.RunUntilQuiet());
//   EXPECT_EQ(world.Problems(), "");
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/client.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/manual_executor.h"
#include "eventlog/runtime/random.h"
#include "eventlog/schema/schema.h"
#include "eventlog/store/memory_disk.h"
#include "projections/views/shared_views.h"
#include "server/server.h"
#include "tests/simulation/node.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/trace.h"

namespace intentlog::simulation {

struct WorldOptions {
  std::shared_ptr<const Schema> schema;  // of everybody; null: the shop's
  bool in_memory = false;                // stores lie on a MemoryDisk
};

// How a process ends.
enum class Ending { kKill, kPowerCut };

// What somebody sees who watches a world, while it happens.
class WorldWatcher {
 public:
  virtual ~WorldWatcher() = default;
  virtual void OnFrame(std::string_view /*from*/, std::string_view /*to*/,
                       std::string_view /*bytes*/) {}
  virtual void OnAppended(const std::string& /*device*/, const Appended& /*appended*/,
                          Durability /*durability*/) {}
  virtual void OnStarted(const std::string& /*node*/) {}
  virtual void OnEnded(const std::string& /*node*/, Ending /*how*/) {}
};

// The device log that has this count of a device, and under which count it is there.
std::pair<LogId, Count> PlaceOnServer(const ClientStatus& status, LogPlace place);

class World {
 public:
  explicit World(uint64_t seed, const WorldOptions& options);
  explicit World(uint64_t seed, std::shared_ptr<const Schema> schema = nullptr)
      : World(seed, WorldOptions{std::move(schema), false}) {}
  ~World();

  // Must outlive the world; null: nobody.
  void Watch(WorldWatcher* watcher) { watcher_ = watcher; }

  // Of the server and of every device that starts from now on; otherwise the shop's.
  void UseProjections(Projections projections) { projections_ = std::move(projections); }

  // ---- the server
  void StartServer();
  // The same where it may fail: on a disk that does.
  absl::Status TryStartServer();
  // As kill -9: nothing is flushed, nobody is told. What was being done is not finished. A power
  // cut takes what was not synced, too; REQUIRES: in memory.
  void CrashServer(Ending how = Ending::kKill);
  bool server_runs() const { return server_.server != nullptr; }
  // Takes a backup while the server runs; returns its folder.
  std::string BackUpServer();
  // The server is gone with all it had, and made again from `backup`.
  void RestoreServer(const std::string& backup, bool accept_loss = false);
  // … or put back by somebody who did not say so: the same epoch goes on.
  void RollServerBack(const std::string& backup);
  Server& server() { return *server_.server; }

  // ---- devices. Each writes into the scope named like it and sees that and "shared".
  Client& AddDevice(const std::string& name, bool all_scopes = false);
  // How far the device's wall clock is from the world's, from its next start on.
  void SetWallClock(const std::string& name, absl::Duration ahead) { ahead_[name] = ahead; }
  // The wall clock of a node that runs or ran.
  NodeClock& clock_of(const std::string& node) { return *NodeOf(node).clock; }
  // Called with the options of each device that starts from now on.
  void AdjustDevices(std::function<void(ClientOptions&)> adjust) { adjust_ = std::move(adjust); }
  // … and of the server.
  void AdjustServer(std::function<void(ServerOptions&)> adjust) {
    adjust_server_ = std::move(adjust);
  }
  Connector& connector(const std::string& name) { return *devices_.at(name).connector; }
  // A second phone from the disk of the first, as it is now: it calls itself as that one does, and
  // acknowledged what it did. REQUIRES: the first does not run, or is in memory.
  Client& CopyDevice(const std::string& of, const std::string& copy);
  // The app is removed with all that it had. REQUIRES: it does not run.
  void EraseDevice(const std::string& name);
  void CrashDevice(const std::string& name, Ending how = Ending::kKill);
  void StartDevice(const std::string& name);
  absl::Status TryStartDevice(const std::string& name);
  // As SIGSTOP and SIGCONT: time passes, and nothing of the process runs.
  void PauseDevice(const std::string& name);
  void ResumeDevice(const std::string& name);
  bool device_runs(const std::string& name) const;
  Client& device(const std::string& name);
  std::vector<std::string> devices() const;
  // Records an event and remembers that it was acknowledged. CHECK-fails unless OK.
  Appended Append(const std::string& device, const google::protobuf::Message& event,
                  const AppendOptions& options = {});
  // As Append; `event` is of the schema that this device has, and not the world.
  Appended AppendOwn(const std::string& device, const google::protobuf::Message& event,
                     const AppendOptions& options = {});
  // As Append, where it may fail.
  absl::StatusOr<Appended> TryAppend(const std::string& device,
                                     const google::protobuf::Message& event,
                                     const AppendOptions& options = {});
  absl::StatusOr<std::vector<Appended>> TryAppendAll(
      const std::string& device, const std::vector<const google::protobuf::Message*>& events,
      const AppendOptions& options = {});
  void AppendAll(const std::string& device,
                 const std::vector<const google::protobuf::Message*>& events,
                 const std::string& scope = {});
  // As the device's own methods; remembers what was acknowledged.
  absl::StatusOr<Appended> Resolve(const std::string& device, Position conflict,
                                   intentlog::Verdict verdict, const DecideOptions& options = {});
  absl::StatusOr<Appended> Amend(const std::string& device, const IntentId& intent,
                                 const google::protobuf::Message& event);
  absl::StatusOr<Appended> Dismiss(const std::string& device, const IntentId& intent,
                                   const DecideOptions& options = {});
  // `event` as a message of this world's schema.
  std::unique_ptr<google::protobuf::Message> Convert(const google::protobuf::Message& event) const;
  // Everything that `device` acknowledged, in the order in which it did.
  const std::vector<std::pair<LogPlace, IntentId>>& acknowledged(const std::string& device) const {
    return devices_.at(device).acknowledged;
  }

  // ---- faults
  // The process that runs as `node`, a device or "server"; null: none does.
  NodeLife* life(const std::string& node);
  // How a node ends that died within a task of its own.
  void SetEnding(Ending how) { ending_ = how; }
  // The fate of each write of a node that is not dying; its disk is in memory.
  using DiskJudge = std::function<WriteFate(const std::string& node, Sync sync)>;
  void JudgeWrites(DiskJudge judge) { judge_ = std::move(judge); }
  MemoryDisk& disk() { return disk_; }
  std::string dir_of(const std::string& node) const { return root_ + "/" + node; }
  // How much later than posted a server's tasks run that block: commits, reading, folding.
  void SetServerDelay(NodeExecutor::Delay delay) { server_delay_ = std::move(delay); }
  Trace& trace() { return trace_; }

  SimNetwork& network() { return network_; }
  Random& random() { return random_; }
  ManualClock& clock() { return clock_; }

  void RunFor(absl::Duration duration) { executor_.RunFor(duration); }
  // Something of nobody's, after so long.
  void After(absl::Duration delay, Task task) { executor_.PostAfter(delay, std::move(task)); }
  // Lets time pass until every device that runs is settled and at the server's head, with read
  // models there too. False if `limit` of simulated time does not do.
  bool RunUntilQuiet(absl::Duration limit = absl::Minutes(30));

  // What each node waits for, a line each.
  std::string State();
  // What is wrong now, a line each: I1, I8, I10, I12, I16 (exactly once, in order, one outcome that
  // the device knows), I17 (equal digests), I21 (recorded = synced + pending + failed +
  // conflicted). Empty if all is well. REQUIRES: quiet, and the server runs.
  std::string Problems();
  // Of it: whether digests are equal.
  std::string DigestProblems();

 private:
  struct Node {
    std::string dir;
    std::shared_ptr<NodeLife> life;
    std::vector<std::unique_ptr<NodeExecutor>> executors;
    std::unique_ptr<Random> random;
    std::unique_ptr<NodeClock> clock;
  };
  struct ServerNode : Node {
    std::unique_ptr<Server> server;
  };
  struct DeviceNode : Node {
    std::string called;  // by itself
    bool all_scopes = false;
    std::unique_ptr<Connector> connector;
    std::unique_ptr<Client> client;
    std::vector<std::pair<LogPlace, IntentId>> acknowledged;
  };
  Node& NodeOf(const std::string& name);
  // A new process of the node, with this many executors.
  void Begin(const std::string& name, Node& node, int executors);
  void Bury(const std::string& name);
  void Ended(const std::string& name, Node& node, Ending how);
  WriteFate FateOf(const std::string& dir, Sync sync);
  NodeHooks Hooks();
  void NoteFrame(std::string_view from, std::string_view to, std::string_view bytes);
  absl::StatusOr<Appended> Note(const std::string& name, absl::StatusOr<Appended> appended,
                                Durability durability = Durability::kDurable);
  bool Quiet();
  void CheckLog(std::string& out);
  void CheckIds(std::string& out);
  void CheckOutcomes(const std::string& name, DeviceNode& node, std::string& out);
  void CheckDigests(const std::string& name, DeviceNode& node, std::string& out);

  static constexpr char kTenant[] = "shop";

  const std::string root_;
  const bool in_memory_;
  MemoryDisk disk_;
  ManualClock clock_;
  Trace trace_{clock_};
  ManualExecutor executor_;
  SeededRandom random_;
  SimNetwork network_;
  WorldWatcher* watcher_ = nullptr;
  DiskJudge judge_;
  NodeExecutor::Delay server_delay_;
  Ending ending_ = Ending::kKill;
  ServerNode server_;
  std::map<std::string, DeviceNode> devices_;
  bool copied_ = false;
  std::function<void(ClientOptions&)> adjust_;
  std::function<void(ServerOptions&)> adjust_server_;
  Projections projections_ = SharedViews();
  const std::shared_ptr<const Schema> schema_;
  std::map<std::string, absl::Duration> ahead_;
};

}  // namespace intentlog::simulation
