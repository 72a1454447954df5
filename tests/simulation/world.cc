#include "tests/simulation/world.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "eventlog/log/event_log.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "proto/sync.pb.h"
#include "server/backup/restore_backup.h"
#include "server/sequencer/server_rows.h"

namespace intentlog::simulation {

namespace {

// A frame for people, in one line.
std::string Describe(bool of_device, std::string_view bytes) {
  DeviceFrame up;
  ServerFrame down;
  google::protobuf::Message& frame = of_device ? static_cast<google::protobuf::Message&>(up) : down;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return " (no frame)";
  if (up.has_push()) {
    std::string text = Cat(": push of ", up.push().intents_size(), " intents from count ",
                           up.push().first_count());
    for (const LostRun& run : up.push().lost()) {
      text += Cat(", count ", run.first_count(), " was at ", run.first_position(), ", ",
                  Decision_Name(run.decision()), ", ", run.length(), " of them");
    }
    return text;
  }
  if (down.has_feed()) {
    return Cat(": feed of ", down.feed().scope(), " (", down.feed().from(), ", ",
               down.feed().through(), "]");
  }
  return Cat(": ", frame.ShortDebugString().substr(0, 500));
}

// A folder in memory where there is one: simulated schedules do not wait for a disk. With stores in
// memory it is made by who puts a file there.
std::string MakeRoot(uint64_t seed, bool in_memory) {
  const char* given = std::getenv("TEST_TMPDIR");
  std::error_code error;
  const std::string shared = "/dev/shm";
  std::string base = given != nullptr ? given : "/tmp";
  if (std::filesystem::is_directory(shared, error)) base = shared;
  // What it is called gets into messages, and so into traces.
  if (in_memory) return Cat("world-", seed);
  std::string path = Cat(base, "/intentlog-world-", seed, "-XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    path = Cat(given != nullptr ? given : "/tmp", "/world-", seed, "-XXXXXX");
    INTENTLOG_CHECK(mkdtemp(path.data()) != nullptr);
  }
  return path;
}

std::shared_ptr<const Schema> ShopSchema() {
  static const std::shared_ptr<const Schema> schema =
      Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()});
  return schema;
}

}  // namespace

World::World(uint64_t seed, const WorldOptions& options)
    : root_(MakeRoot(seed, options.in_memory)),
      in_memory_(options.in_memory),
      executor_(clock_),
      random_(seed),
      network_(executor_, random_),
      schema_(options.schema == nullptr ? ShopSchema() : options.schema) {
  server_.dir = dir_of(std::string(kServerNode));
  disk_.OnWrite([this](const std::string& dir, Sync sync) { return FateOf(dir, sync); });
  network_.SetHooks(Hooks());
}

World::~World() {
  watcher_ = nullptr;
  CrashServer();
  for (const std::string& name : devices()) CrashDevice(name);
  // Tasks hold connections, whose end posts once more.
  while (executor_.pending() > 0) executor_.DropAll();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

// ---- nodes

World::Node& World::NodeOf(const std::string& name) {
  if (name == kServerNode) return server_;
  return devices_.at(name);
}

NodeLife* World::life(const std::string& node) {
  if (node != kServerNode && devices_.count(node) == 0) return nullptr;
  NodeLife* const life = NodeOf(node).life.get();
  return life != nullptr && life->runs() ? life : nullptr;
}

NodeHooks World::Hooks() {
  NodeHooks hooks;
  hooks.run = [this](std::string_view node, Task task) {
    const auto& life = NodeOf(std::string(node)).life;
    if (life != nullptr) life->Run(std::move(task));
  };
  hooks.is_silent = [this](std::string_view node) {
    const auto& life = NodeOf(std::string(node)).life;
    return life == nullptr || life->dying();
  };
  hooks.on_frame = [this](std::string_view from, std::string_view to, std::string_view bytes) {
    NoteFrame(from, to, bytes);
  };
  return hooks;
}

void World::NoteFrame(std::string_view from, std::string_view to, std::string_view bytes) {
  trace_.Bytes(bytes);
  trace_.Step(from, "sends ", to, trace_.told() ? Describe(from != kServerNode, bytes) : "");
  if (watcher_ != nullptr) watcher_->OnFrame(from, to, bytes);
}

WriteFate World::FateOf(const std::string& dir, Sync sync) {
  const std::string below = dir.substr(root_.size() + 1);
  const std::string name = below.substr(0, below.find('/'));
  trace_.Step(name, sync == Sync::kDurable ? "writes and syncs " : "writes ", below);
  NodeLife* const running = life(name);
  // While it opens, it does not run yet.
  if (running == nullptr && NodeOf(name).life != nullptr && NodeOf(name).life->dying()) {
    return WriteFate::kFails;
  }
  const WriteFate fate = judge_ ? judge_(name, sync) : WriteFate::kDone;
  if (fate != WriteFate::kDone) trace_.Step(name, "is failed by its disk");
  return fate;
}

void World::Begin(const std::string& name, Node& node, int executors) {
  trace_.Step(name, "starts");
  node.life = std::make_shared<NodeLife>(executor_, [this, name] { Bury(name); });
  node.executors.clear();
  for (int i = 0; i < executors; ++i) {
    node.executors.push_back(std::make_unique<NodeExecutor>(
        executor_, clock_, node.life, i == 0 ? NodeExecutor::Delay() : server_delay_));
  }
  node.random = std::make_unique<SeededRandom>(random_.Next());
  if (node.clock == nullptr) node.clock = std::make_unique<NodeClock>(clock_);
}

void World::Bury(const std::string& name) {
  if (name == kServerNode) return CrashServer(ending_);
  CrashDevice(name, ending_);
}

void World::Ended(const std::string& name, Node& node, Ending how) {
  trace_.Step(name, how == Ending::kKill ? "is killed" : "has its power cut");
  if (how == Ending::kPowerCut) disk_.CutPower(node.dir, random_);
  if (watcher_ != nullptr) watcher_->OnEnded(name, how);
}

void World::StartServer() {
  const absl::Status status = TryStartServer();
  INTENTLOG_CHECK(status.ok());
}

absl::Status World::TryStartServer() {
  INTENTLOG_CHECK(!server_runs());
  Begin(std::string(kServerNode), server_, 4);
  ServerOptions options;
  options.dir = server_.dir;
  options.schema = schema_;
  options.projections = projections_;
  if (in_memory_) options.memory = &disk_;
  if (adjust_server_) adjust_server_(options);
  const auto& executors = server_.executors;
  auto server = Server::Open(
      std::move(options), *server_.clock, *server_.random,
      {executors[0].get(), executors[1].get(), executors[2].get(), executors[3].get()});
  if (!server.ok()) {
    server_.life->End();
    server_.life = nullptr;
    return server.status();
  }
  server_.server = std::move(*server);
  network_.Listen(server_.server.get());
  if (watcher_ != nullptr) watcher_->OnStarted(std::string(kServerNode));
  return absl::OkStatus();
}

void World::CrashServer(Ending how) {
  if (!server_runs()) return;
  server_.life->End();
  network_.Listen(nullptr);
  server_.server.reset();
  server_.life = nullptr;
  Ended(std::string(kServerNode), server_, how);
}

std::string World::BackUpServer() {
  std::string dir;
  server().TakeBackup(root_ + "/backups", [&](const absl::StatusOr<FoundBackup>& backup) {
    if (!backup.ok()) CheckFailed(__FILE__, __LINE__, backup.status().ToString().c_str());
    dir = backup->dir;
  });
  while (dir.empty()) RunFor(absl::Milliseconds(1));
  return dir;
}

void World::RestoreServer(const std::string& backup, bool accept_loss) {
  CrashServer();
  std::filesystem::remove_all(server_.dir);
  const auto restored = RestoreBackup(backup, server_.dir, {accept_loss}, random_);
  if (!restored.ok()) CheckFailed(__FILE__, __LINE__, restored.status().ToString().c_str());
  StartServer();
}

void World::RollServerBack(const std::string& backup) {
  CrashServer();
  std::filesystem::remove_all(server_.dir);
  INTENTLOG_CHECK(CopyTree(backup, server_.dir).ok());
  StartServer();
}

Client& World::AddDevice(const std::string& name, bool all_scopes) {
  DeviceNode& node = devices_[name];
  node.dir = dir_of(name);
  node.called = name;
  node.all_scopes = all_scopes;
  node.connector = network_.ConnectorOf(name);
  StartDevice(name);
  return device(name);
}

Client& World::CopyDevice(const std::string& of, const std::string& copy) {
  INTENTLOG_CHECK(in_memory_ || !device_runs(of));
  DeviceNode& node = devices_[copy];
  const DeviceNode& first = devices_.at(of);
  node.dir = Cat(root_, "/", copy);
  node.called = first.called;
  node.all_scopes = first.all_scopes;
  node.acknowledged = first.acknowledged;
  node.connector = network_.ConnectorOf(copy);
  copied_ = true;
  if (in_memory_) {
    disk_.Copy(first.dir, node.dir);
  } else {
    std::filesystem::copy(first.dir, node.dir, std::filesystem::copy_options::recursive);
  }
  StartDevice(copy);
  return device(copy);
}

void World::EraseDevice(const std::string& name) {
  INTENTLOG_CHECK(!device_runs(name));
  std::filesystem::remove_all(devices_.at(name).dir);
  devices_.at(name).acknowledged.clear();
}

void World::StartDevice(const std::string& name) {
  const absl::Status status = TryStartDevice(name);
  INTENTLOG_CHECK(status.ok());
}

absl::Status World::TryStartDevice(const std::string& name) {
  DeviceNode& node = devices_.at(name);
  INTENTLOG_CHECK(node.client == nullptr);
  Begin(name, node, 1);
  const auto ahead = ahead_.find(name);
  if (ahead != ahead_.end()) node.clock->SetAhead(ahead->second);
  ClientOptions options;
  options.dir = node.dir;
  options.tenant = kTenant;
  options.device = node.called;
  options.scopes = {node.called, "shared"};
  options.all_scopes = node.all_scopes;
  options.write_scope = node.called;
  options.schema = schema_;
  options.projections = projections_;
  options.runtime = {node.clock.get(), node.executors[0].get(), node.random.get()};
  if (in_memory_) options.memory = &disk_;
  if (adjust_) adjust_(options);
  auto client = Client::Open(std::move(options));
  if (!client.ok()) {
    node.life->End();
    node.life = nullptr;
    return client.status();
  }
  node.client = std::move(*client);
  INTENTLOG_CHECK(node.client->StartSync(*node.connector).ok());
  if (watcher_ != nullptr) watcher_->OnStarted(name);
  return absl::OkStatus();
}

void World::CrashDevice(const std::string& name, Ending how) {
  DeviceNode& node = devices_.at(name);
  if (node.client == nullptr) return;
  node.life->End();
  node.client.reset();
  node.life = nullptr;
  Ended(name, node, how);
}

void World::PauseDevice(const std::string& name) { devices_.at(name).life->Stop(); }

void World::ResumeDevice(const std::string& name) { devices_.at(name).life->GoOn(); }

bool World::device_runs(const std::string& name) const {
  return devices_.at(name).client != nullptr;
}

Client& World::device(const std::string& name) { return *devices_.at(name).client; }

std::vector<std::string> World::devices() const {
  std::vector<std::string> names;
  for (const auto& [name, node] : devices_) names.push_back(name);
  return names;
}

bool World::RunUntilQuiet(absl::Duration limit) {
  const absl::Duration end = clock_.Passed() + limit;
  while (clock_.Passed() < end) {
    executor_.RunFor(absl::Seconds(1));
    if (Quiet()) return true;
  }
  return false;
}

// Settled: nobody stands still, no receipt is outstanding, nothing is to be admitted again, every
// cursor and the server's read models are at the head: not above it either, as those of a device
// are that has not noticed yet that the server went back.
bool World::Quiet() {
  if (!server_runs()) return false;
  const auto log = server().Log(kTenant);
  if (!log.ok()) return devices_.empty();
  const Position head = (*log)->head().position;
  if (server().ViewPosition(kTenant) < head) return false;
  const auto again = (*log)->ScanIndex(kAgainPrefix, kAgainPrefix, 1);
  if (!again.ok() || !again->empty()) return false;
  for (const auto& [name, node] : devices_) {
    if (node.client == nullptr) continue;
    if (node.life->paused()) return false;
    const ClientStatus status = node.client->Status();
    if (!status.connected || status.counts.pending > status.counts.parked) return false;
    for (const ScopeStatus& scope : status.scopes) {
      if (scope.cursor != head || scope.anew) return false;
    }
  }
  return true;
}

}  // namespace intentlog::simulation
