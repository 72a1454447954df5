#include "tests/integration/kill_shop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/log/verify.h"
#include "eventlog/runtime/text.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "proto/event.pb.h"

namespace intentlog::integration {

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

KillShop::KillShop(const std::string& name)
    : root_(std::filesystem::path(Cat(testing::TempDir(), "/", name, "-", getpid()))
                .lexically_normal()
                .string()),
      random_(Setting("INTENTLOG_SEED", 1)) {
  std::filesystem::remove_all(root_);
  std::filesystem::create_directories(root_);
  std::cout << "seed " << Setting("INTENTLOG_SEED", 1) << "\n";
}

KillShop::~KillShop() {
  devices_.clear();
  server_.reset();
  std::filesystem::remove_all(root_);
}

bool KillShop::StartServer(const Under& under) {
  Under command = under;
  command.insert(command.end(), {"tools/intentlog", "serve", "--data", DirOf("server"), "--listen",
                                 "127.0.0.1:" + (port_.empty() ? "0" : port_)});
  command.insert(command.end(), serve_options_.begin(), serve_options_.end());
  server_ = std::make_unique<Child>(command);
  const std::string line = server_->FirstLine();
  const size_t at = line.find("127.0.0.1:");
  EXPECT_NE(at, std::string::npos) << "the server did not start: " << line;
  if (at == std::string::npos) return false;
  port_ = line.substr(at + 10, line.find_first_not_of("0123456789", at + 10) - at - 10);
  return true;
}

void KillShop::Run(const std::string& folder, const std::string& device, const Under& under) {
  Under command = under;
  command.insert(command.end(),
                 {"tests/integration/kill_device", DirOf(folder), device, address()});
  devices_[folder] = std::make_unique<Child>(command);
}

void KillShop::StartDevice(const std::string& name, const Under& under) { Run(name, name, under); }

void KillShop::StartCopy(const std::string& name, const std::string& of) {
  std::filesystem::copy(DirOf(of), DirOf(name));
  Run(name, of, {});
}

void KillShop::KillDevice(const std::string& name) {
  devices_[name]->Kill();
  Note(name);
  devices_.erase(name);
}

// Only whole lines count: the last may have been cut.
void KillShop::Note(const std::string& name) {
  std::istringstream lines(devices_[name]->Output());
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    const size_t space = line.find(' ');
    if (space == std::string::npos) continue;
    const auto [at, is_new] = acknowledged_[name].emplace(std::strtoull(line.c_str(), nullptr, 10),
                                                          line.substr(space + 1));
    EXPECT_TRUE(is_new) << name << " acknowledged count " << at->first << " twice";
  }
}

void KillShop::Listen() {
  for (const auto& [name, device] : devices_) device->Output();
}

uint64_t KillShop::Acknowledged(const std::string& name) {
  uint64_t running = 0;
  if (const auto device = devices_.find(name); device != devices_.end()) {
    for (const char byte : device->second->Output()) running += byte == '\n' ? 1 : 0;
  }
  return acknowledged_[name].size() + running;
}

void KillShop::Sync(const std::string& name) {
  Child sync({"tools/intentlog", "device", "sync", "--dir", DirOf(name), "--server", address()});
  EXPECT_EQ(sync.Wait(), 0) << sync.Output();
}

absl::StatusOr<std::unique_ptr<Client>> KillShop::Open(const std::string& name) {
  ClientOptions options;
  options.dir = DirOf(name);
  options.schema = Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()});
  options.projections = CommerceViews();
  options.runtime = {&clock_, &executor_, &random_};
  return Client::Open(std::move(options));
}

namespace {

// Every intent in the log; fails the test for each that is there twice.
std::set<std::string> IntentsOf(const EventLog& log) {
  std::set<std::string> intents;
  const auto reader = log.Read(Position(1));
  while (true) {
    const absl::StatusOr<bool> more = reader->Next();
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return intents;
    for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
      const std::string_view bytes = reader->block().event(i).intent;
      Intent intent;
      EXPECT_TRUE(intent.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
      EXPECT_TRUE(intents.insert(intent.intent_id()).second)
          << "position " << reader->block().position(i).value() << " repeats an intent";
    }
  }
}

}  // namespace

void KillShop::CheckDevice(const std::string& name, const std::set<std::string>& on_server) {
  const auto client = Open(name);
  ASSERT_TRUE(client.ok()) << client.status();
  const ClientStatus status = (*client)->Status();
  const auto& acknowledged = acknowledged_[name];
  ASSERT_FALSE(acknowledged.empty()) << name;
  EXPECT_EQ(status.counts.pending, 0) << name;
  EXPECT_EQ(status.counts.synced, status.counts.recorded) << name;
  EXPECT_GE(status.counts.recorded, acknowledged.size()) << name;
  for (const auto& [count, id] : acknowledged) {
    const auto intent = ParseIntentId(id);
    ASSERT_TRUE(intent.ok()) << id;
    const auto found = (*client)->Find(*intent);
    ASSERT_TRUE(found.ok()) << name << " lost " << count << ": " << found.status();
    EXPECT_EQ(found->count.value(), count) << name;
    EXPECT_TRUE(on_server.contains(std::string(intent->bytes()))) << name << " count " << count;
  }
  std::cout << name << ": " << acknowledged.size() << " acknowledged, " << status.counts.recorded
            << " recorded, all on the server once\n";
}

void KillShop::Finish(const std::vector<std::string>& names,
                      const std::function<void(const EventLog&)>& look) {
  while (!devices_.empty()) KillDevice(devices_.begin()->first);
  server_->Kill();
  ASSERT_TRUE(StartServer());
  for (const std::string& name : names) Sync(name);
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(), 0);

  const auto engine = RocksdbEngine::Open(DirOf("server") + "/log", StoreOptions());
  ASSERT_TRUE(engine.ok()) << engine.status();
  const auto log = EventLog::Open(**engine, "default", EpochId(), EventLogOptions());
  ASSERT_TRUE(log.ok()) << log.status();
  const auto verified = VerifyLog(**log);
  ASSERT_TRUE(verified.ok()) << verified.status();
  for (const std::string& problem : verified->problems) ADD_FAILURE() << problem;
  const std::set<std::string> on_server = IntentsOf(**log);
  for (const std::string& name : names) CheckDevice(name, on_server);
  if (look) look(**log);
}

}  // namespace intentlog::integration
