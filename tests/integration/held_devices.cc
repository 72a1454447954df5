#include "tests/integration/held_devices.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <queue>
#include <utility>
#include <vector>

#include "client/sync/backoff.h"
#include "eventlog/log/chain.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"
#include "tools/bench/load_streams.h"
#include "tools/bench/order_stream.h"

namespace intentlog::integration {
namespace {

using bench::IntentStream;
using bench::LoadStreams;

constexpr char kMethod[] = "/intentlog.DeviceSync/Connect";
constexpr uint64_t kCreditBytes = 2 << 20;
// A server gives up a device of which it hears nothing for a minute.
constexpr absl::Duration kSignOfLife = absl::Seconds(20);

struct Device {
  Device(const HeldDevicesOptions& options, size_t number_in, Random& random)
      : number(number_in),
        log(RandomId<LogIdTag>(random)),
        scope(Cat("held-", number_in / options.devices_per_scope)),
        lines({.seed = options.seed, .till = static_cast<int>(number_in)}, scope) {}

  // What a device keeps on disk.
  const size_t number;
  const LogId log;
  const std::string scope;
  IntentStream lines;
  std::vector<std::string> recorded;
  std::vector<ChainValue> hashes = {ChainValue()};  // rolling hash at each count
  uint64_t receipted = 0;
  std::map<std::string, Cursor> cursors;

  // Of its connection.
  enum class State { kAway, kBegun, kWelcome };
  State state = State::kAway;
  uint64_t connections = 0;
  LoadStreams::Stream* stream = nullptr;
  uint64_t pushed = 0;
  absl::Duration server_delay;
  uint64_t attempts = 0;  // that failed in a row
  bool settled = false;
};

}  // namespace

struct HeldDevices::Rep {
  explicit Rep(const HeldDevicesOptions& given) : options(given), random(given.seed) {
    for (size_t i = 0; i < options.count; ++i) {
      devices.push_back(std::make_unique<Device>(options, i, random));
    }
  }

  void Connect(Device& device);
  void ConnectDue();
  absl::Status Wait(absl::Duration limit, const std::function<bool()>& done);

  // ---- REQUIRES, all below: mutex is held.
  void OnMessage(Device& device, std::string_view bytes);
  void OnEnd(Device& device);
  void OnWelcome(Device& device, const Welcome& welcome);
  void OnReceipts(Device& device, const Receipts& receipts);
  void OnFeed(Device& device, const Feed& feed, size_t bytes);
  void SayHello(Device& device);
  void PushRest(Device& device);
  void Send(Device& device, const DeviceFrame& frame) {
    device.stream->Write(LoadStreams::Framed(frame.SerializeAsString()));
  }
  void TryAgainAfter(Device& device, absl::Duration wait) {
    due.push({SystemClock().Passed() + wait, device.number});
    changed.notify_all();
  }
  void Settled(Device& device) {
    const bool now =
        device.state == Device::State::kWelcome && device.receipted == device.recorded.size();
    if (now == std::exchange(device.settled, now)) return;
    settled += now ? 1 : -1;
    if (settled == static_cast<int64_t>(devices.size())) changed.notify_all();
  }
  void Fail(absl::Status status) {
    if (failure.ok()) failure = std::move(status);
    changed.notify_all();
  }

  const HeldDevicesOptions options;
  SeededRandom random;

  std::mutex mutex;  // protects all below
  std::condition_variable changed;
  std::vector<std::unique_ptr<Device>> devices;
  using Due = std::pair<absl::Duration, size_t>;  // when to try again, who
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  int64_t settled = 0;
  size_t connected = 0;
  ServerFrame incoming;
  absl::Status failure;
  absl::Duration began, last_sign;
  std::vector<absl::Duration> welcomes;  // since `began`, the first of each
  std::vector<char> welcomed;
  HerdReport report;

  // Last: its end waits for what calls the devices.
  std::unique_ptr<LoadStreams> streams = std::make_unique<LoadStreams>();
};

// ---- connections

void HeldDevices::Rep::Connect(Device& device) {
  uint64_t number = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (device.state != Device::State::kAway) return;
    number = ++device.connections;
    device.state = Device::State::kBegun;
    ++connected;
  }
  const auto stream = streams->Connect(
      options.address, kMethod,
      [this, &device](std::string_view bytes) {
        const std::lock_guard<std::mutex> lock(mutex);
        OnMessage(device, bytes);
      },
      [this, &device](const absl::Status&) {
        const std::lock_guard<std::mutex> lock(mutex);
        OnEnd(device);
      });
  const std::lock_guard<std::mutex> lock(mutex);
  if (device.connections != number || device.state != Device::State::kBegun) return;
  if (!stream.ok()) return OnEnd(device);
  device.stream = *stream;
  SayHello(device);
}

void HeldDevices::Rep::OnEnd(Device& device) {
  ++(device.state == Device::State::kWelcome ? report.cut : report.refused);
  device.state = Device::State::kAway;
  device.stream = nullptr;
  --connected;
  ++device.attempts;
  TryAgainAfter(device, RetryDelay({}, device.attempts, random.Unit(),
                                   std::exchange(device.server_delay, {})));
  Settled(device);
}

void HeldDevices::Rep::SayHello(Device& device) {
  DeviceFrame frame;
  Hello& hello = *frame.mutable_hello();
  hello.set_protocol(1);
  hello.set_tenant("default");
  hello.set_device(Cat("held-", device.number));
  hello.set_instance(random.Bytes(16));
  DeviceLog& log = *hello.add_logs();
  log.set_log_id(std::string(device.log.bytes()));
  log.set_highest_count(device.recorded.size());
  log.set_receipted(device.receipted);
  for (const std::string& scope : {device.scope, std::string("shared")}) {
    device.cursors[scope].set_scope(scope);
    *hello.add_cursors() = device.cursors[scope];
  }
  hello.set_schema_digest(bench::ShopSchema()->digest());
  hello.set_wall_time_us(SystemClock().WallMicros());
  hello.set_app_version("held");
  hello.set_initial_credit_bytes(kCreditBytes);
  Send(device, frame);
}

// ---- what the server says

void HeldDevices::Rep::OnMessage(Device& device, std::string_view bytes) {
  if (!incoming.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(StatusOf(absl::StatusCode::kInternal, "the server sent what is no frame"));
  }
  switch (incoming.frame_case()) {
    case ServerFrame::kWelcome:
      return OnWelcome(device, incoming.welcome());
    case ServerFrame::kReceipts:
      return OnReceipts(device, incoming.receipts());
    case ServerFrame::kFeed:
      return OnFeed(device, incoming.feed(), bytes.size());
    case ServerFrame::kDigest:
      return;
    case ServerFrame::kThrottle:
      ++report.asked_to_wait;
      return;
    case ServerFrame::kResend:
      device.pushed = incoming.resend().from_count() - 1;
      return PushRest(device);
    case ServerFrame::kGoodbye:
      if (incoming.goodbye().code() != Goodbye::SHUTTING_DOWN) break;
      ++report.asked_to_wait;
      device.server_delay =
          absl::Milliseconds(static_cast<int64_t>(incoming.goodbye().retry_after_ms()));
      return;
    default:
      break;
  }
  Fail(StatusOf(absl::StatusCode::kInternal, "device ", device.number, ": ",
                incoming.ShortDebugString()));
}

void HeldDevices::Rep::OnWelcome(Device& device, const Welcome& welcome) {
  const uint64_t highest = welcome.highest_size() == 1 ? welcome.highest(0).count() : 0;
  if (highest < device.receipted || highest > device.recorded.size()) {
    Fail(StatusOf(absl::StatusCode::kDataLoss, "device ", device.number, " has receipts through ",
                  device.receipted, " of ", device.recorded.size(), ", the server has ", highest));
  }
  device.state = Device::State::kWelcome;
  device.attempts = 0;
  if (std::exchange(welcomed[device.number], 1) == 0) {
    welcomes.push_back(SystemClock().Passed() - began);
  }
  // Also what the server has already: the device wants its receipts.
  device.pushed = device.receipted;
  PushRest(device);
  Settled(device);
}

void HeldDevices::Rep::PushRest(Device& device) {
  if (device.state != Device::State::kWelcome || device.pushed >= device.recorded.size()) return;
  DeviceFrame frame;
  Push& push = *frame.mutable_push();
  push.set_log_id(std::string(device.log.bytes()));
  push.set_first_count(device.pushed + 1);
  if (device.pushed > 0) push.set_hash_before(std::string(Bytes(device.hashes[device.pushed])));
  for (; device.pushed < device.recorded.size(); ++device.pushed) {
    push.add_intents(device.recorded[device.pushed]);
  }
  Send(device, frame);
}

void HeldDevices::Rep::OnReceipts(Device& device, const Receipts& receipts) {
  for (const ReceiptRun& run : receipts.runs()) {
    const uint64_t last = run.first_count() + run.length() - 1;
    if (run.first_count() > device.receipted + 1 || last > device.pushed ||
        (run.decision() != ACCEPTED && run.decision() != MERGED)) {
      return Fail(StatusOf(absl::StatusCode::kInternal, "device ", device.number, " has receipts ",
                           "through ", device.receipted, " and got ", run.ShortDebugString()));
    }
    device.receipted = std::max(device.receipted, last);
  }
  Settled(device);
}

// The feed is ordered and complete, over all connections (I14).
void HeldDevices::Rep::OnFeed(Device& device, const Feed& feed, size_t bytes) {
  Cursor& cursor = device.cursors[feed.scope()];
  if (feed.from() != cursor.position()) {
    return Fail(StatusOf(absl::StatusCode::kInternal, "device ", device.number, " stands at ",
                         cursor.position(), " of ", feed.scope(), " and got ", feed.from(), " to ",
                         feed.through()));
  }
  cursor.set_position(feed.through());
  cursor.set_chain(feed.chain());
  cursor.set_epoch_id(feed.epoch_id());
  DeviceFrame frame;
  frame.mutable_credit()->set_bytes(bytes);
  if (device.stream != nullptr) Send(device, frame);
}

// ---- waiting

void HeldDevices::Rep::ConnectDue() {
  std::vector<Device*> now_due;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const absl::Duration now = SystemClock().Passed();
    for (; !due.empty() && due.top().first <= now; due.pop()) {
      now_due.push_back(devices[due.top().second].get());
    }
    if (now - last_sign >= kSignOfLife) {
      last_sign = now;
      DeviceFrame frame;
      frame.mutable_credit()->set_bytes(0);
      for (const auto& device : devices) {
        if (device->state == Device::State::kWelcome) Send(*device, frame);
      }
    }
  }
  for (Device* const device : now_due) Connect(*device);
}

absl::Status HeldDevices::Rep::Wait(absl::Duration limit, const std::function<bool()>& done) {
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait_for(lock, absl::ToChronoMilliseconds(limit),
                   [&] { return done() || !failure.ok(); });
  return failure;
}

absl::Status HeldDevices::Settle(absl::Duration limit) {
  const absl::Duration until = SystemClock().Passed() + limit;
  const auto all_settled = [this] {
    return rep_->settled == static_cast<int64_t>(rep_->devices.size());
  };
  while (true) {
    rep_->ConnectDue();
    // Looks again for who is due: one that failed meanwhile may be due before all others.
    RETURN_IF_ERROR(rep_->Wait(absl::Milliseconds(20), all_settled));
    const std::lock_guard<std::mutex> lock(rep_->mutex);
    if (all_settled()) return absl::OkStatus();
    if (SystemClock().Passed() > until) {
      return Unavailable(rep_->settled, " of ", rep_->devices.size(), " devices are welcome and ",
                         "have all receipts; ", rep_->connected, " have a connection");
    }
  }
}

absl::Status HeldDevices::AwaitCut(absl::Duration limit) {
  RETURN_IF_ERROR(rep_->Wait(limit, [this] { return rep_->connected == 0; }));
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  if (rep_->connected == 0) return absl::OkStatus();
  return Unavailable(rep_->connected, " devices still have a connection");
}

// ---- the rest

HeldDevices::HeldDevices(const HeldDevicesOptions& options)
    : rep_(std::make_unique<Rep>(options)) {}
HeldDevices::~HeldDevices() = default;

void HeldDevices::ConnectAll() {
  {
    const std::lock_guard<std::mutex> lock(rep_->mutex);
    rep_->began = rep_->last_sign = SystemClock().Passed();
    rep_->welcomes.clear();
    rep_->welcomed.assign(rep_->devices.size(), 0);
    rep_->report = {};
    rep_->due = {};
  }
  for (const auto& device : rep_->devices) rep_->Connect(*device);
}

void HeldDevices::HangUp() {
  rep_->streams.reset();  // nothing is called any more
  rep_->streams = std::make_unique<LoadStreams>();
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  for (const auto& device : rep_->devices) {
    device->state = Device::State::kAway;
    device->stream = nullptr;
    rep_->Settled(*device);
  }
  rep_->connected = 0;
}

void HeldDevices::Record(size_t intents) {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  for (const auto& device : rep_->devices) {
    for (size_t i = 0; i < intents; ++i) {
      device->recorded.push_back(device->lines.Next().bytes);
      device->hashes.push_back(NextLogHash(device->hashes.back(), device->recorded.back()));
    }
    rep_->Settled(*device);
    rep_->PushRest(*device);
  }
}

HerdReport HeldDevices::report() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  HerdReport report = rep_->report;
  std::vector<absl::Duration> sorted = rep_->welcomes;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty()) return report;
  report.half = sorted[sorted.size() / 2];
  report.most = sorted[sorted.size() * 99 / 100];
  report.all = sorted.back();
  return report;
}

size_t HeldDevices::recorded() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  size_t sum = 0;
  for (const auto& device : rep_->devices) sum += device->recorded.size();
  return sum;
}

size_t HeldDevices::acknowledged() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  size_t sum = 0;
  for (const auto& device : rep_->devices) sum += device->receipted;
  return sum;
}

absl::Status HeldDevices::CheckLog(const EventLog& log) const {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  for (const auto& device : rep_->devices) {
    ASSIGN_OR_RETURN(const LogHighest highest, log.Highest(device->log));
    if (highest.count.value() == device->recorded.size() && highest.hash == device->hashes.back()) {
      continue;
    }
    return StatusOf(absl::StatusCode::kDataLoss, "device ", device->number, " recorded ",
                    device->recorded.size(), " intents; the log has ", highest.count.value(),
                    ", or others");
  }
  return absl::OkStatus();
}

}  // namespace intentlog::integration
