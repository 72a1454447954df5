// A Fleet is the cast of a story: one server and its devices, each a process of its own, that can
// be killed and started again. Everything happens on the caller's thread, while it waits for
// something: what the processes say in the meantime is taken note of in the devices' states.
//
//   RETURN_IF_ERROR(fleet.StartServer());
//   RETURN_IF_ERROR(fleet.WaitUntil("all is synced", absl::Seconds(60), [&] { return … ; }));
//   fleet.KillServer();
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tools/demo_story/child.h"

namespace intentlog {

// What a device's process last said.
struct FleetDevice {
  std::string name;
  int index = 0;  // 0: an observer
  std::string dir;
  std::unique_ptr<Child> child;

  bool open = false;
  std::string log_id;         // hexadecimal
  uint64_t acknowledged = 0;  // highest count that it called durable before it synced
  bool recorded_all = false;  // the recording is over
  double record_seconds = 0;
  std::optional<nlohmann::ordered_json> figures;
  std::optional<nlohmann::ordered_json> status;  // since it syncs
  std::optional<nlohmann::ordered_json> views;
  std::string error;  // why it ended by itself

  uint64_t Counted(const char* what) const;  // of `status`: "recorded", "synced", …
  bool Settled() const;                      // nothing is pending but what waits for a person
  uint64_t Scope(const std::string& scope) const;
};

class Fleet {
 public:
  // Folders and the processes' log file lie in `dir`.
  explicit Fleet(std::string dir);
  // What a shop sends at once; 0: the client's default. Small enough, and a blow can fall in the
  // middle of little work.
  void SetPushFrame(size_t bytes) { push_frame_bytes_ = bytes; }
  // How often devices hear how far the server is; nothing: the server's default.
  void SetDigestInterval(absl::Duration interval) { digest_interval_ = interval; }

  // How long a restored server waits for what is missing; nothing: the server's default.
  void SetHealWait(absl::Duration wait) { heal_wait_ = wait; }

  // ---- the server, on a port of its own choice that it keeps
  absl::Status StartServer();
  void KillServer();
  absl::Status StopServer();
  const std::string& address() const { return address_; }

  // ---- devices
  FleetDevice& AddShop(int index);
  FleetDevice& AddObserver(const std::string& name);
  absl::Status StartDevice(FleetDevice& device);  // returns when it is open
  void KillDevice(FleetDevice& device);
  absl::Status Tell(FleetDevice& device, const nlohmann::ordered_json& command);
  absl::Status TellAll(const nlohmann::ordered_json& command);
  const std::vector<std::unique_ptr<FleetDevice>>& devices() const { return devices_; }

  // ---- waiting
  // DEADLINE_EXCEEDED: `what` did not come about in time. ABORTED: a process ended by itself, or
  // one said that it cannot go on. CANCELLED: interrupted. `done` is asked after each piece of
  // news.
  absl::Status WaitUntil(std::string_view what, absl::Duration patience,
                         const std::function<bool()>& done);
  // Looked at while waiting: true stops it.
  void OnInterrupt(std::function<bool()> interrupted) { interrupted_ = std::move(interrupted); }

  // Ends everything: what runs is asked, then killed.
  void StopAll();

 private:
  absl::Status Listen(FleetDevice& device);
  void Note(FleetDevice& device, const std::string& line);
  absl::Status ListenToServer();
  std::vector<Child*> Children() const;

  const std::string dir_;
  size_t push_frame_bytes_ = 0;
  absl::Duration digest_interval_;
  absl::Duration heal_wait_;
  std::unique_ptr<Child> server_;
  std::string address_;  // HOST:PORT, once it was ready
  bool server_ready_ = false;
  bool server_wanted_ = false;  // that it ends by itself is an error
  std::vector<std::unique_ptr<FleetDevice>> devices_;
  std::function<bool()> interrupted_;
};

}  // namespace intentlog
