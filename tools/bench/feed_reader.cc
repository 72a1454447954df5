#include "tools/bench/feed_reader.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "eventlog/log/block.h"
#include "eventlog/log/feed_view.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/raw_server.h"
#include "tools/bench/raw_stream.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr uint64_t kCreditBytes = 8 << 20;
constexpr uint64_t kCreditStepBytes = 2 << 20;
constexpr std::chrono::seconds kPatience(60);

// One thread tells the other that it is over, and how.
class Finish {
 public:
  void Set(absl::Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (set_) return;
    set_ = true;
    status_ = std::move(status);
    changed_.notify_all();
  }
  absl::Status Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool in_time = changed_.wait_for(lock, kPatience, [this] { return set_; });
    return in_time ? status_ : Unavailable("the feed did not end within a minute");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;     // protected by mutex_
  absl::Status status_;  // protected by mutex_
};

std::string HelloOfHeadOffice() {
  DeviceFrame frame;
  Hello& hello = *frame.mutable_hello();
  hello.set_protocol(1);
  hello.set_tenant("default");
  hello.set_device("replay");
  hello.set_instance(std::string(16, 'r'));
  hello.add_logs()->set_log_id(
      std::string(16, 'r'));  // a device has one, also if it records nothing
  hello.set_all_scopes(true);
  hello.set_schema_digest(ShopSchema()->digest());
  hello.set_wall_time_us(SystemClock().WallMicros());
  hello.set_app_version("bench");
  hello.set_initial_credit_bytes(kCreditBytes);
  return frame.SerializeAsString();
}

// What one stream has received. Called by gRPC's threads, one at a time.
class Counter {
 public:
  Counter(uint64_t wanted, Finish& finish) : wanted_(wanted), finish_(finish) {}

  void OnMessage(std::string_view bytes, RawStream* stream) {
    const auto feed = ParseFeedFrame(bytes);
    if (!feed.ok()) return finish_.Set(feed.status());
    if (!feed->has_value()) return OnOther(bytes);
    if (!(*feed)->block.empty()) {
      const auto block = BlockView::Parse((*feed)->block);
      if (!block.ok()) return finish_.Set(block.status());
      received_ += block->size();
    }
    if (received_ >= wanted_) return finish_.Set(absl::OkStatus());
    GiveBack(bytes.size(), stream);
  }

 private:
  void OnOther(std::string_view bytes) {
    ServerFrame frame;
    if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return finish_.Set(Unavailable("the server sent what is no frame"));
    }
    if (frame.has_goodbye()) {
      finish_.Set(Unavailable("the server said: ", frame.goodbye().text()));
    }
  }
  void GiveBack(uint64_t bytes, RawStream* stream) {
    owed_ += bytes;
    if (owed_ < kCreditStepBytes) return;
    DeviceFrame credit;
    credit.mutable_credit()->set_bytes(std::exchange(owed_, 0));
    stream->Write(ToMessage(credit.SerializeAsString()));
  }

  const uint64_t wanted_;
  Finish& finish_;
  uint64_t received_ = 0;
  uint64_t owed_ = 0;
};

}  // namespace

absl::StatusOr<double> ReplayFromServer(const std::string& address, uint64_t events) {
  Finish finish;
  Counter counter(events, finish);
  // Set before the first message can come: that answers what is written below.
  RawStream* to_server = nullptr;
  RawStream stream(
      address, kDeviceSyncMethod,
      [&](std::string_view bytes) { counter.OnMessage(bytes, to_server); },
      [&](const absl::Status& status) { finish.Set(Unavailable("stream ended: ", status)); });
  to_server = &stream;
  const Stopwatch watch;
  stream.Write(ToMessage(HelloOfHeadOffice()));
  const absl::Status status = finish.Wait();
  if (!status.ok()) return status;
  return watch.Seconds();
}

absl::StatusOr<double> ReplayRaw(const std::string& address, uint64_t messages) {
  Finish finish;
  uint64_t received = 0;
  RawStream stream(
      address, kRawMessagesMethod,
      [&](std::string_view bytes) {
        if (!bytes.empty() && ++received == messages) finish.Set(absl::OkStatus());
      },
      [&](const absl::Status& status) { finish.Set(Unavailable("stream ended: ", status)); });
  const Stopwatch watch;
  stream.Write(ToMessage("go"));
  const absl::Status status = finish.Wait();
  if (!status.ok()) return status;
  return watch.Seconds();
}

}  // namespace intentlog::bench
