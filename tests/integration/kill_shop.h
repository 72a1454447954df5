// A KillShop is a server and devices (kill_device) as processes, which a test kills, stops or
// breaks, and what the devices acknowledged through their pipes until then. At the end it looks
// that nothing of that was lost or doubled. For tests. Not thread-safe.
//
//   KillShop shop("kill");
//   shop.StartServer();
//   shop.StartDevice("till-1"); … shop.KillDevice("till-1"); …
//   shop.Finish();
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/manual_executor.h"
#include "eventlog/runtime/random.h"
#include "tests/integration/child.h"

namespace intentlog::integration {

// A number from the environment.
uint64_t Setting(const char* name, uint64_t otherwise);

class KillShop {
 public:
  // In a folder of its own; prints its seed (INTENTLOG_SEED).
  explicit KillShop(const std::string& name);
  ~KillShop();

  // What a process is run under, such as strace with its options; empty: nothing.
  using Under = std::vector<std::string>;
  // Waits until it listens. False, and the test has failed, if it does not.
  bool StartServer(const Under& under = {});
  // What every server is started with from now on, after `serve`.
  void ServeWith(std::vector<std::string> options) { serve_options_ = std::move(options); }
  void StartDevice(const std::string& name, const Under& under = {});
  // One whose folder is a copy of that of `of`, as it is now.
  void StartCopy(const std::string& name, const std::string& of);
  // As kill -9; what it acknowledged before is noted.
  void KillServer() { server_->Kill(); }
  void KillDevice(const std::string& name);
  // What they wrote so far, so that no pipe is full.
  void Listen();
  // How many appends were acknowledged so far, those of running devices included.
  uint64_t Acknowledged(const std::string& name);

  Child& server() { return *server_; }
  Child& device(const std::string& name) { return *devices_[name]; }
  std::string DirOf(const std::string& name) const { return root_ + "/" + name; }
  const std::string& root() const { return root_; }
  std::string address() const { return "127.0.0.1:" + port_; }
  SeededRandom& random() { return random_; }

  // Kills the devices, syncs each of `names` alone with a healthy server, stops that, and compares:
  // the log is whole, and holds every intent of `names` once, what was acknowledged among them.
  // `look` is shown the log.
  void Finish(const std::vector<std::string>& names,
              const std::function<void(const EventLog&)>& look = nullptr);

 private:
  void Run(const std::string& folder, const std::string& device, const Under& under);
  void Note(const std::string& name);
  void Sync(const std::string& name);
  void CheckDevice(const std::string& name, const std::set<std::string>& on_server);
  absl::StatusOr<std::unique_ptr<Client>> Open(const std::string& name);

  const std::string root_;
  SeededRandom random_;
  std::string port_;
  std::vector<std::string> serve_options_;
  ManualClock clock_;
  ManualExecutor executor_{clock_};
  std::unique_ptr<Child> server_;
  std::map<std::string, std::unique_ptr<Child>> devices_;
  std::map<std::string, std::map<uint64_t, std::string>> acknowledged_;  // intent by count
};

}  // namespace intentlog::integration
