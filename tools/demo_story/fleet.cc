#include "tools/demo_story/fleet.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "tools/import/shop_device.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kStartMax = absl::Seconds(60);
constexpr absl::Duration kStopMax = absl::Seconds(20);
constexpr absl::Duration kTick = absl::Milliseconds(100);

}  // namespace

uint64_t FleetDevice::Counted(const char* what) const {
  return status ? status->value(what, uint64_t{0}) : 0;
}

bool FleetDevice::Settled() const { return status && Counted("pending") == Counted("parked"); }

uint64_t FleetDevice::Scope(const std::string& scope) const {
  return status ? (*status)["scopes"].value(scope, uint64_t{0}) : 0;
}

Fleet::Fleet(std::string dir) : dir_(std::move(dir)) {}

// ---- the server

absl::Status Fleet::StartServer() {
  server_ready_ = false;
  const std::string listen = address_.empty() ? "127.0.0.1:0" : address_;
  std::vector<std::string> arguments = {"serve",          "--json",   "--data",
                                        dir_ + "/server", "--listen", listen};
  if (digest_interval_ > absl::ZeroDuration()) {
    arguments.insert(arguments.end(),
                     {"--digest-interval", absl::FormatDuration(digest_interval_)});
  }
  if (heal_wait_ > absl::ZeroDuration()) {
    arguments.insert(arguments.end(), {"--heal-wait", absl::FormatDuration(heal_wait_)});
  }
  ASSIGN_OR_RETURN(server_, Child::Start(arguments, dir_ + "/processes.log"));
  server_wanted_ = true;
  return WaitUntil("the server is ready", kStartMax, [&] { return server_ready_; });
}

void Fleet::KillServer() {
  server_wanted_ = false;
  server_.reset();
}

absl::Status Fleet::StopServer() {
  server_wanted_ = false;
  if (server_ == nullptr) return absl::OkStatus();
  const bool clean = server_->Stop(kStopMax, SIGTERM);
  server_.reset();
  if (clean) return absl::OkStatus();
  return absl::AbortedError(
      Cat("the server did not stop cleanly on SIGTERM; see ", dir_, "/processes.log"));
}

absl::Status Fleet::ListenToServer() {
  if (server_ == nullptr) return absl::OkStatus();
  std::vector<std::string> lines;
  const bool alive = server_->ReadLines(lines);
  for (const std::string& line : lines) {
    const Json ready = Json::parse(line, nullptr, false);
    if (!ready.is_object() || !ready.contains("address")) continue;
    address_ = ready.value("address", "");
    server_ready_ = true;
  }
  if (alive || !server_wanted_) return absl::OkStatus();
  server_wanted_ = false;
  return absl::AbortedError(Cat("the server ended by itself; see ", dir_, "/processes.log"));
}

// ---- devices

FleetDevice& Fleet::AddShop(int index) {
  auto device = std::make_unique<FleetDevice>();
  device->index = index;
  device->name = ShopDeviceName(index);
  device->dir = Cat(dir_, "/", device->name);
  devices_.push_back(std::move(device));
  return *devices_.back();
}

FleetDevice& Fleet::AddObserver(const std::string& name) {
  FleetDevice& device = AddShop(0);
  device.name = name;
  device.dir = Cat(dir_, "/", name);
  return device;
}

absl::Status Fleet::StartDevice(FleetDevice& device) {
  std::vector<std::string> arguments = {"demo-device", "--dir", device.dir};
  if (device.index > 0) {
    arguments.insert(arguments.end(), {"--index", std::to_string(device.index),
                                       "--push-frame-bytes", std::to_string(push_frame_bytes_)});
  } else {
    arguments.insert(arguments.end(), {"--name", device.name});
  }
  device.open = false;
  device.status.reset();
  device.views.reset();
  ASSIGN_OR_RETURN(device.child, Child::Start(arguments, dir_ + "/processes.log"));
  return WaitUntil(Cat(device.name, " is open"), kStartMax, [&] { return device.open; });
}

void Fleet::KillDevice(FleetDevice& device) { device.child.reset(); }

absl::Status Fleet::Tell(FleetDevice& device, const Json& command) {
  if (device.child != nullptr && device.child->WriteLine(command.dump())) return absl::OkStatus();
  return absl::AbortedError(Cat(device.name, " does not listen; see ", dir_, "/processes.log"));
}

absl::Status Fleet::TellAll(const Json& command) {
  for (const auto& device : devices_) RETURN_IF_ERROR(Tell(*device, command));
  return absl::OkStatus();
}

void Fleet::Note(FleetDevice& device, const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  const std::string what = json.value("say", "");
  if (what == "open") {
    device.open = true;
    device.log_id = json.value("log_id", "");
  } else if (what == "durable") {
    device.acknowledged = std::max(device.acknowledged, json.value("count", uint64_t{0}));
  } else if (what == "recorded") {
    device.recorded_all = true;
    device.record_seconds = json.value("seconds", 0.0);
  } else if (what == "figures") {
    device.figures = std::move(json);
  } else if (what == "status") {
    device.status = std::move(json);
  } else if (what == "views") {
    device.views = std::move(json["views"]);
  } else if (what == "error") {
    device.error = json.value("text", "it did not say why");
  }
}

absl::Status Fleet::Listen(FleetDevice& device) {
  if (device.child == nullptr) return absl::OkStatus();
  std::vector<std::string> lines;
  const bool alive = device.child->ReadLines(lines);
  for (const std::string& line : lines) Note(device, line);
  if (alive) return absl::OkStatus();
  device.child.reset();
  return absl::AbortedError(device.error.empty()
                                ? Cat(device.name, " ended by itself; see ", dir_, "/processes.log")
                                : Cat(device.name, ": ", device.error));
}

// ---- waiting

std::vector<Child*> Fleet::Children() const {
  std::vector<Child*> children = {server_.get()};
  for (const auto& device : devices_) children.push_back(device->child.get());
  return children;
}

absl::Status Fleet::WaitUntil(std::string_view what, absl::Duration patience,
                              const std::function<bool()>& done) {
  const absl::Duration until = SystemClock().Passed() + patience;
  for (;;) {
    RETURN_IF_ERROR(ListenToServer());
    for (const auto& device : devices_) RETURN_IF_ERROR(Listen(*device));
    if (done()) return absl::OkStatus();
    if (interrupted_ && interrupted_()) return absl::CancelledError("interrupted");
    const absl::Duration left = until - SystemClock().Passed();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(Cat("waited ", absl::ToInt64Seconds(patience),
                                             " s in vain until ", what, "; see ", dir_,
                                             "/processes.log"));
    }
    WaitForChildren(Children(), std::min(left, kTick));
  }
}

void Fleet::StopAll() {
  for (const auto& device : devices_) {
    if (device->child != nullptr) device->child->WriteLine(Json{{"do", "quit"}}.dump());
  }
  for (const auto& device : devices_) {
    if (device->child != nullptr) device->child->Stop(kStopMax, 0);
    device->child.reset();
  }
  StopServer().IgnoreError();
}

}  // namespace intentlog
