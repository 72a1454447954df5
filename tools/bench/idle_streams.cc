// idle_streams: what one more connected device that does nothing costs a server in memory.
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/raw_server.h"
#include "tools/bench/raw_stream.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 3;
constexpr int kStreams = 1000;
constexpr int kShops = 8;
// Connections that are being made at a time.
constexpr int kStep = 50;
constexpr std::chrono::seconds kPatience(60);

// The Hello of a till that follows its shop and what all see, and has nothing to tell.
std::string HelloOf(int number, Random& random) {
  DeviceFrame frame;
  Hello& hello = *frame.mutable_hello();
  hello.set_protocol(1);
  hello.set_tenant("default");
  hello.set_device(Cat("idle-", number));
  hello.set_instance(random.Bytes(16));
  DeviceLog& log = *hello.add_logs();
  log.set_log_id(random.Bytes(16));
  hello.add_cursors()->set_scope(Cat("shop-", number % kShops + 1));
  hello.add_cursors()->set_scope("shared");
  hello.set_schema_digest(ShopSchema()->digest());
  hello.set_wall_time_us(SystemClock().WallMicros());
  hello.set_app_version("bench");
  hello.set_initial_credit_bytes(2 << 20);
  return frame.SerializeAsString();
}

// Streams that have heard their first answer.
class Answered {
 public:
  void Add() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void Fail(const absl::Status& status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failure_.ok()) failure_ = Unavailable("an idle stream ended: ", status);
    changed_.notify_all();
  }
  absl::Status WaitFor(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool in_time =
        changed_.wait_for(lock, kPatience, [&] { return count_ >= count || !failure_.ok(); });
    if (!failure_.ok()) return failure_;
    return in_time ? absl::OkStatus()
                   : Unavailable(count_, " of ", count, " streams were answered");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;         // protected by mutex_
  absl::Status failure_;  // protected by mutex_
};

// Bytes of resident memory that each of 1,000 streams added to the server.
absl::StatusOr<double> BytesPerStream(const Served& server, const std::string& method) {
  const std::unique_ptr<Random> random = MakeSystemRandom();
  Answered answered;
  std::vector<std::unique_ptr<RawStream>> streams;
  std::vector<char> heard(kStreams, 0);  // by the stream's own gRPC thread
  ASSIGN_OR_RETURN(const uint64_t before, server.process->ResidentBytes());
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<RawStream>(
        server.address, method,
        [&answered, &first = heard[static_cast<size_t>(i)]](std::string_view) {
          if (first == 0) answered.Add();
          first = 1;
        },
        [&answered](const absl::Status& status) { answered.Fail(status); }));
    streams.back()->Write(ToMessage(HelloOf(i, *random)));
    if ((i + 1) % kStep == 0) RETURN_IF_ERROR(answered.WaitFor(i + 1));
  }
  RETURN_IF_ERROR(answered.WaitFor(kStreams));
  ASSIGN_OR_RETURN(const uint64_t after, server.process->ResidentBytes());
  return (static_cast<double>(after) - static_cast<double>(before)) / kStreams;
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> IdleStreams(BenchContext& context) {
  std::vector<Pair> pairs;
  for (int i = 0; i < kPairs; ++i) {
    Pair pair;
    ASSIGN_OR_RETURN(const std::string dir, context.Fresh("idle-server"));
    ASSIGN_OR_RETURN(Served served, Serve(dir, context.child_log()));
    ASSIGN_OR_RETURN(pair.ours, BytesPerStream(served, kDeviceSyncMethod));
    RETURN_IF_ERROR(served.process->Stop());
    ASSIGN_OR_RETURN(Served raw, ServeRaw("", "", context.child_log()));
    ASSIGN_OR_RETURN(pair.beside, BytesPerStream(raw, kRawIdleMethod));
    RETURN_IF_ERROR(raw.process->Stop());
    pairs.push_back(pair);
  }
  BenchRow row;
  row.name = "idle_streams";
  row.unit = "bytes/device";
  row.durability = "resident memory; nothing is written but that the device was seen";
  row.beside_name = "bare gRPC callback stream";
  row.target = 1.5;
  row.aim = Aim::kAtMost;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
