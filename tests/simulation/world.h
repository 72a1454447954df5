// A World is a fleet in one thread: real client and server cores on simulated time and a simulated
// network, with real stores. A seed gives everything that happens by chance.
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
#include "eventlog/runtime/offset_clock.h"
#include "eventlog/runtime/random.h"
#include "eventlog/schema/schema.h"
#include "projections/views/commerce_views.h"
#include "server/server.h"
#include "tests/simulation/sim_network.h"

namespace intentlog::simulation {

class NodeExecutor;

class World {
 public:
  // `schema`: of everybody; null: the shop's.
  explicit World(uint64_t seed, std::shared_ptr<const Schema> schema = nullptr);
  ~World();

  // Of the server and of every device that starts from now on; otherwise the shop's.
  void UseProjections(Projections projections) { projections_ = std::move(projections); }

  // ---- the server
  void StartServer();
  // As kill -9: nothing is flushed, nobody is told. What was being done is not finished.
  void CrashServer();
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
  // Called with the options of each device that starts from now on.
  void AdjustDevices(std::function<void(ClientOptions&)> adjust) { adjust_ = std::move(adjust); }
  // … and of the server.
  void AdjustServer(std::function<void(ServerOptions&)> adjust) {
    adjust_server_ = std::move(adjust);
  }
  Connector& connector(const std::string& name) { return *devices_.at(name).connector; }
  // A second phone from the disk of the first, as it is now: it calls itself as that one does, and
  // acknowledged what it did. REQUIRES: the first does not run.
  Client& CopyDevice(const std::string& of, const std::string& copy);
  // The app is removed with all that it had. REQUIRES: it does not run.
  void EraseDevice(const std::string& name);
  void CrashDevice(const std::string& name);
  void StartDevice(const std::string& name);
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

  SimNetwork& network() { return network_; }
  Random& random() { return random_; }
  ManualClock& clock() { return clock_; }

  void RunFor(absl::Duration duration) { executor_.RunFor(duration); }
  // Lets time pass until every device that runs is settled and at the server's head, with read
  // models there too. False if `limit` of simulated time does not do.
  bool RunUntilQuiet(absl::Duration limit = absl::Minutes(30));

  // What each node waits for, a line each.
  std::string State();
  // What is wrong now, a line each: I1, I8, I10, I12, I16 (exactly once, in order, one outcome that
  // the device knows), I17 (equal digests), I21 (recorded = synced + pending + failed +
  // conflicted). Empty if all is well. REQUIRES: quiet, and the server runs.
  std::string Problems();

 private:
  struct Node {
    std::string dir;
    std::shared_ptr<NodeExecutor> executor;
    std::unique_ptr<Random> random;
  };
  struct ServerNode : Node {
    std::unique_ptr<Server> server;
  };
  struct DeviceNode : Node {
    std::string called;  // by itself
    bool all_scopes = false;
    std::unique_ptr<OffsetClock> clock;
    std::unique_ptr<Connector> connector;
    std::unique_ptr<Client> client;
    std::vector<std::pair<LogPlace, IntentId>> acknowledged;
  };
  absl::StatusOr<Appended> Note(const std::string& name, absl::StatusOr<Appended> appended);
  bool Quiet();
  void CheckLog(std::string& out);
  void CheckIds(std::string& out);
  void CheckOutcomes(const std::string& name, DeviceNode& node, std::string& out);
  void CheckDigests(const std::string& name, DeviceNode& node, std::string& out);

  const std::string root_;
  ManualClock clock_;
  ManualExecutor executor_;
  SeededRandom random_;
  SimNetwork network_;
  ServerNode server_;
  std::map<std::string, DeviceNode> devices_;
  bool copied_ = false;
  std::function<void(ClientOptions&)> adjust_;
  std::function<void(ServerOptions&)> adjust_server_;
  Projections projections_ = CommerceViews();
  const std::shared_ptr<const Schema> schema_;
  std::map<std::string, absl::Duration> ahead_;
};

}  // namespace intentlog::simulation
