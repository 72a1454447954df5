#include "tests/simulation/swarm.h"

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "eventlog/log/event_log.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/store/lean_env.h"
#include "projections/engine/poisoned.h"
#include "tests/simulation/checkers.h"
#include "tests/simulation/people.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/shop_schemas.h"

namespace intentlog::simulation {
namespace {

const std::string kServer(kServerNode);

std::shared_ptr<const Schema> SchemaOf(const Plan& plan) {
  const bool parcels = plan.skew == Skew::kOldDevices || plan.skew == Skew::kOldServer;
  return parcels ? NewShop() : ShopWithRules(plan.skew == Skew::kNone ? plan.rules : 0);
}

// Rows are a sum of what was recorded, on every device at any time, where all is folded.
bool FoldsFail(const Plan& plan) {
  return plan.poison || plan.rules > 0 || plan.skew == Skew::kOldOffline;
}

const Projections& HealthyViews() {
  static const Projections views = CommerceViews();
  return views;
}
const Projections& SickViews() {
  static const Projections views = PoisonedViews(CommerceViews(), OneIn(15));
  return views;
}

class Swarm {
 public:
  Swarm(uint64_t seed, const SwarmOptions& options)
      : plan_(seed),
        world_(seed, {SchemaOf(plan_), options.in_memory}),
        in_memory_(options.in_memory),
        checkers_(world_, FoldsFail(plan_)),
        people_(world_, plan_, checkers_) {
    if (options.tell) world_.trace().Tell();
    world_.UseProjections(plan_.poison ? SickViews() : HealthyViews());
    world_.AdjustServer([this](ServerOptions& server) { AdjustServer(server); });
    world_.AdjustDevices([this](ClientOptions& client) { AdjustDevice(client); });
    world_.JudgeWrites([this](const std::string& node, Sync) { return JudgeWrite(node); });
    if (plan_.server_delay_max > absl::ZeroDuration()) {
      world_.SetServerDelay([this] { return random().Unit() * plan_.server_delay_max; });
    }
    world_.network().SetFaults(plan_.link);
  }

  SwarmResult Run() {
    world_.StartServer();
    while (names_.size() < plan_.devices) AddDevice();
    faulty_ = true;
    for (uint64_t step = 0; step < plan_.steps; ++step) Step();
    faulty_ = false;
    Heal();
    if (Settle(plan_.quiet_within)) {
      AwaitAsks();
      checkers_.End();
      if (plan_.rebuild && in_memory_) Rebuild();
    }
    std::string problems = checkers_.Problems();
    if (!problems.empty()) problems += Cat("(", plan_.Text(), ")\n");
    return {std::move(problems), world_.trace().hash(), world_.trace().steps(),
            checkers_.history().log().size()};
  }

 private:
  Random& random() { return world_.random(); }
  bool Happens(double chance) { return chance > 0 && random().Unit() < chance; }
  const std::string& Anyone() { return names_[random().Below(names_.size())]; }
  bool Runs(const std::string& node) { return world_.life(node) != nullptr; }

  // ---- how nodes are made
  void AddDevice() {
    names_.push_back(Cat("till-", names_.size() + 1));
    scopes_[names_.back()] = {names_.back(), "shared"};
    KeepOffline();
    world_.AddDevice(names_.back(), /*all_scopes=*/names_.size() == 1 && plan_.devices > 2);
  }
  void AdjustServer(ServerOptions& server) const {
    ServerOptions limits = plan_.server;
    limits.dir = server.dir;
    limits.schema = old_server() ? ShopWithRules(0) : server.schema;
    limits.projections = server.projections;
    limits.memory = server.memory;
    if (!in_memory_) limits.env = LeanEnv();
    // A task that is dropped with its process would hold a view of a database that is gone.
    if (!in_memory_) limits.snapshots.on = false;
    server = std::move(limits);
  }
  void AdjustDevice(ClientOptions& client) {
    ClientOptions limits = plan_.client;
    limits.dir = client.dir;
    limits.tenant = client.tenant;
    limits.device = client.device;
    limits.scopes = scopes_[client.device];
    limits.all_scopes = client.all_scopes;
    limits.write_scope = client.write_scope;
    limits.schema = client.schema;
    if (IsOld(client.device)) limits.schema = offline_ ? OldShop() : ShopWithRules(0);
    limits.projections = client.projections;
    limits.runtime = client.runtime;
    limits.memory = client.memory;
    if (!in_memory_) limits.env = LeanEnv();
    client = std::move(limits);
  }
  bool old_server() const { return plan_.skew == Skew::kOldServer && !healed_; }
  bool IsOld(const std::string& device) const {
    return device != "till-1" && (plan_.skew == Skew::kOldDevices || offline_);
  }
  // Who is too old for any server meets none.
  void KeepOffline() {
    for (const std::string& name : names_) {
      if (offline_ && IsOld(name)) world_.network().Partition(name);
    }
  }

  // ---- phase 1
  void Step() {
    const std::string device = Anyone();
    if (Runs(device)) people_.Work(device);
    if (random().Below(plan_.one_order ? 3 : 8) == 0) people_.Operate();
    Misfortune();
    if (random().Below(3) != 0) world_.RunFor(random().Unit() * plan_.step_max);
    Revive();
    checkers_.Step();
  }
  void Misfortune() {
    const FaultRates& rates = plan_.rates;
    const std::string name = Anyone();
    if (Happens(rates.cut)) world_.network().Cut(name);
    if (Happens(rates.partition)) world_.network().Partition(name);
    if (Happens(rates.lose_replies)) world_.network().DropReplies(name);
    if (Happens(rates.herd)) {
      for (const std::string& one : names_) world_.network().Cut(one);
    }
    if (Happens(rates.heal)) {
      world_.network().Heal();
      world_.network().SetFaults(plan_.link);
      KeepOffline();
    }
    const std::string node = random().Below(3) == 0 ? kServer : name;
    if (Happens(rates.kill)) End(node);
    if (Happens(rates.stop_server)) StopServer();
    NodeLife* const life = world_.life(node);
    if (life != nullptr && Happens(rates.die_in_task)) life->DieAfter(1 + random().Below(30));
    if (life != nullptr && Happens(rates.pause)) life->Pause(random().Unit() * rates.pause_max);
    if (Happens(rates.clock)) TurnClock(node);
    if (Happens(rates.disk_full)) world_.disk().SetFull(world_.dir_of(node), Happens(0.6));
    if (Happens(rates.change_scopes)) ChangeScopes(name);
    if (Happens(rates.new_device) && names_.size() < 7) AddDeviceIfItCan();
    CopyDisks();
  }
  // Of a node that dies within a task: how its process ends.
  Ending DrawEnding() {
    return in_memory_ && Happens(plan_.rates.power_share) ? Ending::kPowerCut : Ending::kKill;
  }
  void End(const std::string& node) {
    if (!Runs(node)) return;
    const Ending how = DrawEnding();
    if (node == kServer) {
      world_.CrashServer(how);
    } else {
      world_.CrashDevice(node, how);
    }
  }
  void StopServer() {
    if (!Runs(kServer)) return;
    auto stopped = std::make_shared<bool>(false);
    world_.server().Stop([stopped] { *stopped = true; });
    world_.RunFor(random().Unit() * absl::Seconds(2));  // and then it is killed, if it has not
    if (*stopped && world_.server_runs()) checkers_.OnServerStopped();
    if (Runs(kServer)) world_.CrashServer(*stopped ? Ending::kKill : DrawEnding());
  }
  void TurnClock(const std::string& node) {
    NodeClock& clock = world_.clock_of(node);
    world_.trace().Step(node, "has its clock turned");
    switch (random().Below(3)) {
      case 0:
        return clock.Jump((random().Unit() * 20 - 10) * absl::Hours(24 * 365));
      case 1:
        return clock.Jump((random().Unit() * 2 - 1) * absl::Minutes(10));
      default:
        return clock.SetDrift(random().Unit() * 0.4 - 0.2);
    }
  }
  void ChangeScopes(const std::string& name) {
    std::vector<std::string>& scopes = scopes_[name];
    scopes = {name, "shared"};
    if (random().Below(4) == 0) scopes.erase(scopes.begin());
    const std::string& other = Anyone();
    if (other != name && random().Below(2) == 0) scopes.push_back(other);
    End(name);  // takes effect with its next start
  }
  void AddDeviceIfItCan() {
    faulty_ = false;
    AddDevice();
    faulty_ = true;
  }
  // Who does not run is started, and an application whose folder failed opens it again.
  void Revive() {
    if (!Runs(kServer) && !world_.server_runs() && random().Below(3) == 0) StartServer();
    for (const std::string& name : names_) {
      if (random().Below(3) != 0) continue;
      if (Runs(name) && !world_.device(name).store().failed().ok()) End(name);
      StartDevice(name);
    }
  }
  void StartServer() {
    world_.SetEnding(DrawEnding());
    const absl::Status status = world_.TryStartServer();
    if (!status.ok()) NotStarted(kServer, status);
  }
  void StartDevice(const std::string& name) {
    if (world_.device_runs(name)) return;
    const absl::Status status = world_.TryStartDevice(name);
    if (!status.ok()) return NotStarted(name, status);
    if (Runs(name)) people_.TryAgain(name);
  }
  void NotStarted(const std::string& node, const absl::Status& status) {
    world_.trace().Step(node, "does not start: ", Cat(status));
    checkers_.OnNotStarted(node, status);
  }

  // ---- the disk
  WriteFate JudgeWrite(const std::string& node) {
    if (!faulty_) return WriteFate::kDone;
    const FaultRates& rates = plan_.rates;
    NodeLife* const life = world_.life(node);
    if (life == nullptr) return WriteFate::kDone;
    if (Happens(rates.write_is_slow)) life->Pause(random().Unit() * rates.slow_max);
    if (Happens(rates.write_kills)) {  // with the write, or without it
      world_.SetEnding(DrawEnding());
      life->Die();
      return random().Below(2) == 0 ? WriteFate::kDone : WriteFate::kFails;
    }
    if (!Happens(rates.write_fails)) return WriteFate::kDone;
    if (node != kServer) checkers_.history().devices()[node].failed = true;
    return random().Below(2) == 0 ? WriteFate::kFails : WriteFate::kFailsButDone;
  }

  // ---- copies of disks
  void CopyDisks() {
    if (!in_memory_) return;
    if (Happens(plan_.rates.restore_server)) CopyOrPutBack(kServer);
    const std::string name = Anyone();
    if (IsUnsure(name)) return;
    if (Happens(plan_.rates.restore_device)) CopyOrPutBack(name);
    if (Happens(plan_.rates.copy_device)) CopyDevice(name);
    if (Happens(plan_.rates.reinstall)) Reinstall(name);
  }
  // An application that does not know what it has recorded has its own state restored as well: not
  // simulated.
  bool IsUnsure(const std::string& name) {
    return people_.IsUnsure(name) || checkers_.history().devices()[name].in_doubt > 0;
  }
  // As any other end; but what dies is not gone until its task has ended.
  bool EndsNow(const std::string& node) {
    End(node);
    return node == kServer ? !world_.server_runs() : !world_.device_runs(node);
  }
  void CopyOrPutBack(const std::string& node) {
    const std::string copy = node + ".copy";
    // Before it has met a device, a server has no epoch by which they would know it again.
    if (node == kServer && !(Runs(kServer) && world_.server().Log("shop").ok())) return;
    if (copied_.insert(node).second || random().Below(3) == 0) {
      world_.trace().Step(node, "is copied");
      world_.disk().Remove(world_.dir_of(copy));
      world_.disk().Copy(world_.dir_of(node), world_.dir_of(copy));
      return node == kServer ? checkers_.OnServerCopied() : checkers_.OnDiskCopied(node, copy);
    }
    if (!EndsNow(node)) return;
    world_.trace().Step(node, "is restored from its copy");
    world_.disk().Remove(world_.dir_of(node));
    world_.disk().Copy(world_.dir_of(copy), world_.dir_of(node));
    if (node != kServer) return checkers_.OnDiskReplaced(node, copy);
    checkers_.OnServerRestored();
    if (random().Below(2) == 0) Announce();
  }
  // As `intentlog restore` does; otherwise the log goes back without a word.
  void Announce() {
    StoreOptions options;
    options.memory = &world_.disk();
    options.create_if_missing = false;
    const auto engine = RocksdbEngine::Open(ServerLogDir(world_.dir_of(kServer)), options);
    if (!engine.ok()) return;
    const auto log = EventLog::Open(**engine, "shop", EpochId(), EventLogOptions());
    if (!log.ok() || !(**log).Fence().ok()) return;
    (**log).StartEpoch(RandomId<EpochIdTag>(random())).IgnoreError();
  }
  // Another phone is made from its disk; both go on.
  void CopyDevice(const std::string& name) {
    if (names_.size() >= 7) return;
    const std::string twin = Cat("till-", names_.size() + 1);
    const std::string copy = twin + ".copy";
    world_.trace().Step(name, "is copied to ", twin);
    checkers_.OnDiskCopied(name, copy);
    checkers_.OnDiskReplaced(twin, copy);
    names_.push_back(twin);
    twins_.insert(twin);
    twins_.insert(name);
    KeepOffline();
    faulty_ = false;
    world_.CopyDevice(name, twin);
    faulty_ = true;
  }
  void Reinstall(const std::string& name) {
    if (!EndsNow(name)) return;
    world_.trace().Step(name, "is installed again");
    world_.disk().Remove(world_.dir_of(name));
    checkers_.OnDiskReplaced(name, "");
  }
  // Copies that do nothing take each other's session for ever: what both record parts them.
  void PartTwins() {
    for (const std::string& name : twins_) {
      if (Runs(name)) people_.Sell(name);
    }
  }

  // ---- phase 2
  void Heal() {
    world_.trace().Step("", "all is healed");
    world_.network().Heal();
    for (const std::string& name : names_) world_.disk().SetFull(world_.dir_of(name), false);
    world_.disk().SetFull(world_.dir_of(kServer), false);
    world_.SetServerDelay(nullptr);
    for (const std::string& name : names_) Spare(name);
    Spare(kServer);
    // A node that is dying has a task left to die in.
    world_.RunFor(absl::ZeroDuration());
    healed_ = true;
    if (plan_.skew == Skew::kOldServer && Runs(kServer)) world_.CrashServer();
    if (offline_) {
      for (const std::string& name : names_) world_.CrashDevice(name);
    }
    offline_ = false;
    ReviveAll();
    PartTwins();
  }
  void Spare(const std::string& node) {
    if (Runs(node)) world_.life(node)->DieAfter(0);
  }
  void ReviveAll() {
    if (!world_.server_runs()) StartServer();
    for (const std::string& name : names_) {
      if (Runs(name) && !world_.device(name).store().failed().ok()) world_.CrashDevice(name);
      StartDevice(name);
    }
  }
  // Who follows a scope no more hears of its own work there when it asks.
  void AwaitAsks() {
    if (plan_.rates.change_scopes > 0) world_.RunFor(plan_.client.ask_interval + absl::Seconds(5));
  }
  bool Settle(absl::Duration within) {
    if (world_.RunUntilQuiet(within)) return true;
    checkers_.OnUnsettled(within);
    return false;
  }
  void Rebuild() {
    world_.CrashServer();
    world_.disk().Remove(ServerViewsDir(world_.dir_of(kServer), "shop"));
    plan_.server.fold_events_max = 1 + random().Below(100);
    StartServer();
    if (Settle(plan_.quiet_within)) checkers_.OnRebuilt();
  }

  Plan plan_;
  World world_;
  const bool in_memory_;
  Checkers checkers_;
  People people_;
  bool faulty_ = false;
  bool healed_ = false;
  bool offline_ = plan_.skew == Skew::kOldOffline;
  std::vector<std::string> names_;
  std::map<std::string, std::vector<std::string>> scopes_;  // by device
  std::set<std::string> copied_;                            // nodes of which there is a copy
  std::set<std::string> twins_;                             // devices that another has the disk of
};

}  // namespace

SwarmResult RunSeed(uint64_t seed, const SwarmOptions& options) {
  return Swarm(seed, options).Run();
}

}  // namespace intentlog::simulation
